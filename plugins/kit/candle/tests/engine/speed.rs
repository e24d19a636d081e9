//! Time and memory of training passes on a model of SmolLM2-135M's size.
//!
//! `OLIVE_GPU=0 cargo test --release -p olive-kit-candle --features cuda --test engine -- --ignored
//! --nocapture speed`; `DTYPE=f32|bf16|f16`, `SEQ=512,2048`, `RANK=64` and `CHECKPOINTING=1` in the
//! environment. `tests/peer.py` measures the same of `PyTorch` and PEFT.

use std::fs;
use std::path::Path;
use std::time::Instant;

use olive_kit_adapters::{Adapters, Drop, Gradients, Layer, Method, Parameter, ParameterId};
use olive_kit_candle::{CandleTransformer, Device};
use olive_kit_checkpoint::{Checkpoint, Decoder, Dtype, LinearRole};
use olive_kit_decoder::{Batch, Engine};
use olive_kit_testing::engines::mean;
use olive_kit_testing::{random, write_random_model};
use serde_json::json;

use super::device;

/// Writes a model with the widths of SmolLM2-135M.
fn write_model(dir: &Path) {
    let config = json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100_000.0,
        "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
    });
    write_random_model(dir, &config.to_string(), Dtype::BF16);
}

/// LoRA on query, key, value and output.
fn adapters(decoder: &Decoder, rank: usize) -> Adapters {
    let mut adapters = Adapters::none();
    let linears = decoder.linears_of_layers();
    let is_adapted = |role| {
        use LinearRole::{Key, Output, Query, Value};
        matches!(role, Query | Key | Value | Output)
    };
    for linear in linears.filter(|linear| is_adapted(linear.role)) {
        let mut add = |rows: usize, columns: usize| {
            let (shape, values) = (vec![rows, columns], random(rows * columns, 7));
            adapters.parameters.push(Parameter { name: linear.name.clone(), shape, values });
            ParameterId(adapters.parameters.len() - 1)
        };
        let (a, b) = (add(rank, linear.in_features), add(linear.out_features, rank));
        let method = Method::Lora { a, b, magnitude: None };
        let layer = Layer { method, scale: 0.25, drop: Drop::default() };
        adapters.layers.insert(linear.name, layer);
    }
    adapters
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// The largest amount of memory so far.
fn peak_memory(device: &Device) -> String {
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        let bytes = olive_kit_candle::peak_memory(device).unwrap();
        return format!(
            "{:.2} GiB of GPU memory at most so far",
            bytes as f64 / f64::from(1 << 30)
        );
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    format!("{device:?} {}", peak.unwrap_or("VmHWM unknown"))
}

#[test]
#[ignore = "measures a GPU, which `cargo xtask bench` does not"]
fn smollm2_step() {
    let dir = tempfile::tempdir().unwrap();
    write_model(dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let device = device();
    let rank = setting("RANK", "64").parse().unwrap();
    for dtype in setting("DTYPE", "bf16").split(',') {
        let dtype = match dtype {
            "f16" => Dtype::F16,
            "bf16" => Dtype::BF16,
            _ => Dtype::F32,
        };
        let mut transformer = CandleTransformer::load(&checkpoint, dtype, &device).unwrap();
        let adapters = adapters(transformer.decoder(), rank);
        for seq in setting("SEQ", "512,2048").split(',') {
            let tokens = (0..seq.parse::<u32>().unwrap()).map(|position| position * 9973 % 49_152);
            let batch = Batch::causal(tokens.collect(), 1);
            let mut objective = mean(batch.num_labels());
            objective.checkpoints_activations = std::env::var("CHECKPOINTING").is_ok();
            let mut gradients = Gradients::zeros(&adapters.parameters);
            let mut times: Vec<_> = (0..20)
                .map(|_| {
                    let start = Instant::now();
                    gradients.clear();
                    transformer
                        .loss_and_gradients(&batch, &adapters, &objective, &mut gradients)
                        .unwrap();
                    start.elapsed().as_secs_f64()
                })
                .collect();
            let first = times[0];
            times.sort_by(f64::total_cmp);
            let median = times[times.len() / 2];
            println!(
                "olive {dtype:?} T={} r={rank}: {:.1} ms a pass (first {:.1}, best {:.1}), {:.0} tokens/s, {}",
                batch.seq,
                1e3 * median,
                1e3 * first,
                1e3 * times[0],
                batch.seq as f64 / median,
                peak_memory(&device),
            );
        }
    }
}
