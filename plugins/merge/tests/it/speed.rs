//! How long merging takes, and how much memory, on two layers of Phi-3-mini's widths:
//!
//! ```text
//! cargo test -p olive-plugin-merge --test it speed -- --ignored --nocapture --exact speed::METHOD
//! ```

use std::fs;
use std::time::Instant;

use olive_kit_adapters::{
    AdapterConfig, Adapters, LohaConfig, LokrConfig, LoraConfig, MethodConfig, checkpoint_rows,
};
use olive_kit_checkpoint::{Checkpoint, CheckpointWriter, Dtype, TensorSpec};
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{fixture, request, run};

const RANK: usize = 64;

#[test]
#[ignore = "takes half a minute, and is for reading"]
fn lora() {
    measure("LoRA", MethodConfig::Lora(LoraConfig::default()), &json!({}));
}

#[test]
#[ignore = "takes half a minute, and is for reading"]
fn dora() {
    let dora = LoraConfig { use_dora: true, ..LoraConfig::default() };
    measure("DoRA", MethodConfig::Lora(dora), &json!({}));
}

#[test]
#[ignore = "takes half a minute, and is for reading"]
fn loha() {
    measure("LoHa", MethodConfig::Loha(LohaConfig::default()), &json!({}));
}

#[test]
#[ignore = "takes half a minute, and is for reading"]
fn lokr() {
    measure("LoKr", MethodConfig::Lokr(LokrConfig::default()), &json!({}));
}

#[test]
#[ignore = "takes half a minute, and is for reading"]
fn qlora() {
    let config = json!({
        "load_in_4bit": true,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": true,
    });
    let attributes = json!({"quantization_config": config});
    measure("QLoRA", MethodConfig::Lora(LoraConfig::default()), &attributes);
}

#[expect(clippy::print_stdout, reason = "figures are what this is for")]
fn measure(name: &str, method: MethodConfig, attributes: &Value) {
    let input = base();
    let checkpoint = Checkpoint::open(input.path()).unwrap();
    let mut config = AdapterConfig::new(method, RANK, 16.0);
    config.targets.modules = Some(olive_kit_adapters::TargetModules::AllLinear);
    let targets = config.resolve(checkpoint.decoder()).unwrap();
    let rows = checkpoint_rows(&checkpoint);
    let adapters = Adapters::new(&config, checkpoint.decoder(), &targets, 1, rows).unwrap();
    fs::create_dir(input.path().join("adapter")).unwrap();
    adapters.write(&input.path().join("adapter"), &config).unwrap();
    drop((adapters, checkpoint));
    let before = peak();
    let output = tempfile::tempdir().unwrap();
    let mut request = request(input.path(), Some("adapter"), &output);
    request["input"]["model_attributes"] = attributes.clone();
    let start = Instant::now();
    run(&request, &Recorder::default()).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!("{name}: {seconds:.2} s; peak memory {} MB, {before} MB before", peak());
}

/// Two layers as wide as Phi-3-mini's, bf16, 453 MB.
fn base() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let config = fs::read(fixture("tiny-phi3").join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    for (key, value) in [
        ("hidden_size", 3072),
        ("intermediate_size", 8192),
        ("num_attention_heads", 32),
        ("num_key_value_heads", 32),
    ] {
        config[key] = json!(value);
    }
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    let decoder = Checkpoint::describe(dir.path()).unwrap().decoder;
    let tensors = decoder.tensors();
    let specs = tensors.iter().map(|(name, shape)| TensorSpec::new(name, Dtype::BF16, &**shape));
    let mut writer = CheckpointWriter::create(dir.path(), specs.collect(), usize::MAX).unwrap();
    let mut state = 1_u32;
    for (name, shape) in tensors {
        for _ in 0..shape[0] {
            let values: Vec<f32> = (0..shape[1..].iter().product())
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 8) as f32 / (1 << 24) as f32 - 0.5
                })
                .collect();
            writer.append_f32(&name, &values).unwrap();
        }
    }
    writer.finish().unwrap();
    dir
}

/// The most memory this process has had, in MB; 0 where the system does not say.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() / 1000
}
