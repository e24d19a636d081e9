//! Time and memory of a training step and of generation on a model of SmolLM2-135M's size.
//!
//! `RAYON_NUM_THREADS=2 cargo test -p olive-kit-decoder --test speed -- --ignored --nocapture`

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![expect(clippy::print_stdout, reason = "figures are all it is for")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use candle_core::{Device, Tensor, Var};
use olive_kit_checkpoint::{Checkpoint, CheckpointWriter, Dtype, LinearRole, TensorSpec};
use olive_kit_decoder::{Adapters, Batch, KvCache, LoraLayer, Positions, Transformer};
use serde_json::json;

const RANK: usize = 64;
const SEQ: usize = 512;

/// Writes a model with the widths of SmolLM2-135M in Phi-3's layout, all values pseudo-random.
fn write_model(dir: &Path) {
    let config = json!({
        "architectures": ["Phi3ForCausalLM"],
        "model_type": "phi3",
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
    let adapted = linears.filter(|l| matches!(l.role, LinearRole::Qkv | LinearRole::Output));
    for linear in adapted {
        let var = |rows: usize, columns: usize| {
            let values = random(rows * columns, 7, 0.02);
            let tensor = Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap();
            Var::from_tensor(&tensor).unwrap().into_inner()
        };
        let (a, b) = (var(RANK, linear.in_features), var(linear.out_features, RANK));
        adapters.insert(linear.name, LoraLayer { a, b, scale: 0.25, dropout: 0.0 });
    }
    adapters
}

fn batch() -> Batch {
    let tokens = (0..SEQ).map(|position| u32::try_from(position * 9973 % 49_152).unwrap());
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

#[test]
#[ignore = "a minute of measuring"]
fn smollm2_step_and_generation() {
    let dir = tempfile::tempdir().unwrap();
    write_model(dir.path());
    println!("{} threads, {}", rayon::current_num_threads(), peak_memory());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let mut transformer = None;
    measure("load", 1, || transformer = Some(Transformer::load(&checkpoint).unwrap()));
    let transformer = transformer.unwrap();
    let (adapters, batch) = (adapters(&transformer), batch());

    measure("512 tokens forward", 2, || {
        let hidden = transformer.hidden_states(&batch, &Adapters::none(), None).unwrap();
        transformer.loss(&hidden, &batch).unwrap();
    });
    measure("step, checkpointed", 3, || {
        transformer.loss_and_gradients(&batch, &adapters, None, 511).unwrap();
    });
    measure("step", 5, || {
        let hidden = transformer.hidden_states(&batch, &adapters, None).unwrap();
        transformer.loss(&hidden, &batch).unwrap().mean.backward().unwrap();
    });
    let mut cache = KvCache::new(transformer.decoder());
    measure("512 tokens decoded at once", 1, || {
        transformer.decode(&batch.input_ids, &mut cache, &adapters, Positions::Last).unwrap();
    });
    measure("32 tokens decoded one by one", 2, || {
        for token in 0..32 {
            transformer.decode(&[token], &mut cache, &adapters, Positions::Last).unwrap();
        }
    });
}
