//! Passes on ONNX graphs, on a model of 2 GB: time and memory, beside what the disk can do.
//!
//! The model has Qwen2.5-0.5B's shape and random weights; `ModelBuilder` writes it in 32 bits. A pass
//! is a whole `olive run`, from an empty cache to the result in its folder. With `--python`, Olive
//! does the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::train::Writer;
use super::watch::Watched;
use super::{disk, shapes, watch};
use crate::demo;
use crate::error::ChoreError;
use crate::fetch;
use crate::release;
use crate::workspace::{root, target};

/// What a pass may hold besides four of the largest weights.
const BASE_BYTES: f64 = 200e6;

/// Prints a line for each pass.
pub(super) fn run(python: Option<&Path>) -> Result<(), ChoreError> {
    release::build()?;
    let folder = target().join("bench/onnx");
    fs::create_dir_all(&folder).map_err(ChoreError::file("make", &folder))?;
    let config = shapes::half_billion();
    let model = model(&config, &folder)?;
    let side = |name: &str| config[name].as_f64().unwrap_or(f64::NAN);
    let limit = 4.0 * 4.0 * side("vocab_size") * side("hidden_size") + BASE_BYTES;
    let read_sec = disk::read_seconds(&model)?;
    println!("a model of {:.2} GB, read in {read_sec:.2} s", disk::size(&model)? / 1e9);
    for (pass, settings) in passes() {
        measure(&folder, &model, (pass, &settings), limit, python)?;
    }
    Ok(())
}

/// Passes, with settings with which they find something to do.
fn passes() -> [(&'static str, Value); 11] {
    let surgery = |surgeon: &str| json!({"surgeries": [{"surgeon": surgeon}]});
    let splits = json!({"model.embed_tokens": 0, "model.layers.11": 0, "model.layers.12": 1});
    [
        ("OnnxPeepholeOptimizer", json!({})),
        ("GraphSurgeries", surgery("DeduplicateNodes")),
        ("GraphSurgeries", surgery("MatMulAddToGemm")),
        ("DynamicToFixedShape", json!({"dim_param": ["batch_size"], "dim_value": [1]})),
        ("OnnxIODataTypeConverter", json!({"source_dtype": 1, "target_dtype": 10})),
        ("AddOliveMetadata", json!({"graph_name": "large"})),
        ("OnnxOpVersionConversion", json!({"target_opset": 23})),
        ("SplitModel", json!({"split_assignments": splits})),
        ("OnnxFloatToFloat16", json!({})),
        ("OnnxBlockWiseRtnQuantization", json!({"block_size": 32})),
        ("OnnxKQuantQuantization", json!({"block_size": 32})),
    ]
}

fn measure(
    folder: &Path,
    model: &Path,
    (pass, settings): (&str, &Value),
    limit: f64,
    python: Option<&Path>,
) -> Result<(), ChoreError> {
    let output = folder.join("output");
    let cost = ours(folder, model, pass, settings, &output)?;
    let written = disk::size(&output)?;
    let disk_sec = disk::read_seconds(model)? + disk::write_seconds(folder, written)?;
    println!("{pass} {settings}: {cost}");
    println!(
        "  {:.2} GB written: {:.2} x the disk's {disk_sec:.2} s; limit / ours: memory {:.1}",
        written / 1e9,
        cost.wall_sec / disk_sec,
        limit / cost.peak_process_bytes,
    );
    disk::remove(&output)?;
    let Some(python) = python else {
        println!("  skipped: Olive, as no --python names an interpreter with it");
        return Ok(());
    };
    let mut command = Command::new(python);
    command.arg(root().join("xtask/peers/onnx_pass.py")).arg(model).arg(pass);
    command.arg(settings.to_string()).arg(&output).env("OLIVE_DISABLE_TELEMETRY", "1");
    match watch::run(&mut command) {
        Ok(theirs) => println!("  Olive: {theirs}; theirs / ours: {}", theirs.over(&cost)),
        Err(problem) => println!("  Olive fails: {problem}"),
    }
    disk::remove(&output)
}

/// `olive run` with the one pass, from an empty cache.
fn ours(
    folder: &Path,
    model: &Path,
    pass: &str,
    settings: &Value,
    output: &Path,
) -> Result<Watched, ChoreError> {
    let mut pass = json!({"type": pass, "save_as_external_data": true});
    if let (Some(pass), Some(settings)) = (pass.as_object_mut(), settings.as_object()) {
        pass.extend(settings.clone());
    }
    let input = json!({
        "type": "ONNXModel", "model_path": model, "onnx_file_name": "model.onnx"
    });
    watch::run(&mut olive(folder, &input, &pass, output)?)
}

/// The command for one pass, whose cache and output are away.
fn olive(folder: &Path, input: &Value, pass: &Value, output: &Path) -> Result<Command, ChoreError> {
    let cache = folder.join("cache");
    disk::remove(&cache)?;
    disk::remove(output)?;
    let config = folder.join("olive-config.json");
    let workflow = json!({
        "input_model": input,
        "passes": {"pass": pass},
        "cache_dir": cache,
        "output_dir": output
    });
    fs::write(&config, workflow.to_string()).map_err(ChoreError::file("write", &config))?;
    let mut olive = demo::olive(&["run", "--config"]);
    olive.arg(&config);
    Ok(olive)
}

/// The folder of the model, which is built once.
fn model(config: &Value, folder: &Path) -> Result<PathBuf, ChoreError> {
    let output = folder.join("model");
    if output.join("model.onnx").is_file() {
        return Ok(output);
    }
    fetch::onnxruntime()?;
    let tokenizer = demo::import(&fetch::model()?)?;
    let checkpoint = Writer::new(folder)?.random_model("checkpoint", config)?;
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        let (from, to) = (tokenizer.join(file), checkpoint.join(file));
        fs::copy(&from, &to).map_err(ChoreError::file("copy", &from))?;
    }
    let input = json!({"type": "HfModel", "model_path": checkpoint});
    let pass = json!({"type": "ModelBuilder", "precision": "fp32"});
    watch::run(&mut olive(folder, &input, &pass, &output)?)?;
    Ok(output)
}
