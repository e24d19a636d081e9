//! Time and memory of training passes and of generation on a model of SmolLM2-135M's size.
//!
//! `RAYON_NUM_THREADS=2 cargo test -p olive-kit-decoder --test speed -- --ignored --nocapture`,
//! with `PRECISION=f32|bf16|nf4`, `SEQ=512` and `CHECKPOINTING=1` in the environment.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![expect(clippy::print_stdout, reason = "figures are all it is for")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use olive_kit_adapters::{Adapters, Drop, Gradients, Layer, Method, Parameter, ParameterId};
use olive_kit_checkpoint::{Checkpoint, CheckpointWriter, Dtype, LinearRole, TensorSpec};
use olive_kit_decoder::{
    Batch, Engine, KvCache, Objective, Positions, Precision, Storage, Transformer,
};
use olive_kit_quant::{FourBitFormat, FourBitKind};
use serde_json::json;

const RANK: usize = 64;

/// Writes a model with the widths of SmolLM2-135M, all values pseudo-random.
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
    fs::write(dir.join("config.json"), config.to_string()).unwrap();
    let tensors = Checkpoint::describe(dir).unwrap().decoder.tensors();
    let specs =
        tensors.iter().map(|(name, shape)| TensorSpec::new(name, Dtype::BF16, shape.as_slice()));
    let mut writer = CheckpointWriter::create(dir, specs.collect(), usize::MAX).unwrap();
    for (seed, (name, shape)) in (1..).zip(&tensors) {
        let len = shape.iter().product();
        let values = if shape.len() == 1 { vec![1.0; len] } else { random(len, seed, 0.05) };
        writer.append_f32(name, &values).unwrap();
    }
    writer.finish().unwrap();
}

fn random(len: usize, seed: u32, largest: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next() * largest).collect()
}

fn adapters(transformer: &Transformer) -> Adapters {
    let mut adapters = Adapters::none();
    let decoder = transformer.decoder();
    let linears = (0..decoder.num_layers).flat_map(|layer| decoder.linears(layer));
    let is_adapted = |role| {
        use LinearRole::{Key, Output, Query, Value};
        matches!(role, Query | Key | Value | Output)
    };
    for linear in linears.filter(|linear| is_adapted(linear.role)) {
        let mut add = |rows: usize, columns: usize| {
            let (shape, values) = (vec![rows, columns], random(rows * columns, 7, 0.02));
            adapters.parameters.push(Parameter { name: linear.name.clone(), shape, values });
            ParameterId(adapters.parameters.len() - 1)
        };
        let (a, b) = (add(RANK, linear.in_features), add(linear.out_features, RANK));
        let method = Method::Lora { a, b, magnitude: None };
        let layer = Layer { method, scale: 0.25, drop: Drop::default() };
        adapters.layers.insert(linear.name, layer);
    }
    adapters
}

fn batch(seq: usize) -> Batch {
    let tokens = (0..seq).map(|position| u32::try_from(position * 9973 % 49_152).unwrap());
    Batch::causal(tokens.collect(), 1)
}

/// Seconds of processor time so far.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse().unwrap_or(0.0)).sum::<f64>() / 100.0
}

/// The largest amount of memory so far, as the system writes it.
fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown").to_owned()
}

/// Runs `work` some times and prints what each run takes.
fn measure(name: &str, runs: usize, mut work: impl FnMut()) {
    for _ in 0..runs {
        let (start, processor) = (Instant::now(), processor_seconds());
        work();
        let (wall, processor) = (start.elapsed().as_secs_f64(), processor_seconds() - processor);
        println!("{name}: {wall:.3} s, {processor:.2} CPU-s, {}", peak_memory());
    }
}

fn storage() -> Storage {
    let nf4 = FourBitFormat { kind: FourBitKind::Nf4, block_size: 64, double_quantized: true };
    match std::env::var("PRECISION").as_deref() {
        Ok("bf16") => Storage { precision: Precision::Bf16, four_bit: None },
        Ok("nf4") => Storage { precision: Precision::Bf16, four_bit: Some(nf4) },
        _ => Storage::default(),
    }
}

#[test]
#[ignore = "a minute of measuring"]
fn smollm2_step_and_generation() {
    let dir = tempfile::tempdir().unwrap();
    write_model(dir.path());
    println!("{} threads, {}", rayon::current_num_threads(), peak_memory());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let mut transformer = None;
    measure("load", 1, || transformer = Some(Transformer::load(&checkpoint, storage()).unwrap()));
    let mut transformer = transformer.unwrap();
    let seq = std::env::var("SEQ").map_or(512, |seq| seq.parse().unwrap());
    let (adapters, batch) = (adapters(&transformer), batch(seq));
    let mut gradients = Gradients::zeros(&adapters.parameters);
    let objective = Objective {
        count: batch.num_labels(),
        label_smoothing: 0.0,
        neftune_alpha: 0.0,
        seed: 1,
        checkpoints_activations: std::env::var("CHECKPOINTING").is_ok(),
    };
    measure("forward", 2, || {
        transformer.loss(&batch, &adapters).unwrap();
    });
    measure("step", 5, || {
        gradients.clear();
        transformer.loss_and_gradients(&batch, &adapters, &objective, &mut gradients).unwrap();
    });
    let mut cache = KvCache::new(transformer.decoder());
    measure("decoded at once", 1, || {
        transformer.decode(&batch.input_ids, &mut cache, &adapters, Positions::Last).unwrap();
    });
    measure("32 tokens decoded one by one", 2, || {
        for token in 0..32 {
            transformer.decode(&[token], &mut cache, &adapters, Positions::Last).unwrap();
        }
    });
}
