//! Figures of speed beside those of ONNX Runtime's own Python interface.
//!
//! The demo's model is built in 32 bits and in 4, then timed by `olive evaluate` and by
//! `xtask/peers/latency.py` in turns: the same graph, library version, threads, prompt length and
//! number of runs, through bound inputs and outputs on both sides. Medians must agree within
//! [`ROOM`] on a machine that does nothing else; the load is printed, so that a reader can tell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::figures::median;
use crate::command;
use crate::demo;
use crate::error::ChoreError;
use crate::fetch;
use crate::release;
use crate::workspace::{root, target};

/// Share by which medians may differ.
const ROOM: f64 = 0.05;

/// Tokens of the prompt, and tokens after its first.
const TOKENS: [usize; 2] = [64, 16];

/// Runs before timing starts, and timed ones.
const RUNS: [usize; 2] = [5, 30];

/// Threads on both sides.
const THREADS: usize = 1;

/// Milliseconds of the forward pass over the prompt, and of a token after it.
type Times = [f64; 2];

/// Prints a line for each precision and part.
pub(super) fn run(turns: usize, python: Option<&Path>) -> Result<(), ChoreError> {
    release::build()?;
    fetch::onnxruntime()?;
    let checkpoint = demo::import(&fetch::model()?)?;
    for precision in ["fp32", "int4"] {
        let model = model(&checkpoint, precision)?;
        let mut pairs = Vec::new();
        for _ in 0..turns {
            let ours = ours(&model)?;
            let theirs = python.map(|python| theirs(python, &model)).transpose()?;
            pairs.push((ours, theirs));
        }
        tell(precision, &pairs);
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine: {}", load.split(' ').next().unwrap_or("unknown"));
    if python.is_none() {
        println!(
            "skipped: ONNX Runtime's own interface, as no --python names an interpreter with it"
        );
    }
    Ok(())
}

fn tell(precision: &str, pairs: &[(Times, Option<Times>)]) {
    for (part, name) in ["prompt", "token"].into_iter().enumerate() {
        let ours: Vec<f64> = pairs.iter().map(|(ours, _)| ours[part]).collect();
        print!("{precision}, {name}: {:.3} ms (median of {})", median(&ours), pairs.len());
        let ratios =
            pairs.iter().filter_map(|(ours, theirs)| Some(ours[part] / theirs.as_ref()?[part]));
        let ratios: Vec<f64> = ratios.collect();
        if ratios.is_empty() {
            println!();
            continue;
        }
        let ratio = median(&ratios);
        let verdict = if (ratio - 1.0).abs() <= ROOM { "within" } else { "not within" };
        println!("; ours / Python: {ratio:.3}, {verdict} {:.0} %", ROOM * 100.0);
    }
}

/// The demo's model as an ONNX graph, built once.
fn model(checkpoint: &Path, precision: &str) -> Result<PathBuf, ChoreError> {
    let folder = target().join("bench/latency").join(precision);
    let output = folder.join("model");
    if output.join("model.onnx").is_file() {
        return Ok(output);
    }
    let config = write(
        &folder,
        &json!({
            "input_model": {"type": "HfModel", "model_path": checkpoint},
            "passes": {"build": {"type": "ModelBuilder", "precision": precision}},
            "cache_dir": folder.join("cache"),
            "output_dir": output
        }),
    )?;
    command::run(demo::olive(&["run", "--config"]).arg(config))?;
    Ok(output)
}

/// What `olive evaluate` measures.
fn ours(model: &Path) -> Result<Times, ChoreError> {
    let [prompt_tokens, max_new_tokens] = TOKENS;
    let [warmup_num, repeat_test_num] = RUNS;
    let folder = target().join("bench/latency");
    let config = write(
        &folder,
        &json!({
            "input_model": {"type": "ONNXModel", "model_path": model},
            "evaluators": {"speed": {"metrics": [{
                "name": "speed",
                "type": "latency",
                "sub_types": [{"name": "p50"}, {"name": "itl_p50"}],
                "user_config": {
                    "prompt_tokens": prompt_tokens, "max_new_tokens": max_new_tokens,
                    "warmup_num": warmup_num, "repeat_test_num": repeat_test_num
                }
            }]}},
            "engine": {"evaluator": "speed"},
            "cache_dir": folder.join("cache")
        }),
    )?;
    super::disk::remove(&folder.join("cache"))?;
    let mut olive = demo::olive(&["evaluate", "--json", "--threads", &THREADS.to_string()]);
    olive.arg("--model").arg(model).arg("--config").arg(&config);
    let figures = parse(&command::output(&mut olive)?, &config)?;
    let figure = |name: &str| figures[name]["value"].as_f64().unwrap_or(f64::NAN);
    Ok([figure("speed-p50"), figure("speed-itl_p50")])
}

/// What ONNX Runtime's Python interface takes.
fn theirs(python: &Path, model: &Path) -> Result<Times, ChoreError> {
    let script = root().join("xtask/peers/latency.py");
    let mut command = Command::new(python);
    command.arg(&script).arg(model);
    command.args([TOKENS, RUNS].concat().iter().map(ToString::to_string)).arg(THREADS.to_string());
    let figures = parse(&command::output(&mut command)?, &script)?;
    Ok(["prompt_ms", "token_ms"].map(|name| figures[name].as_f64().unwrap_or(f64::NAN)))
}

/// The last line of `said`, which is JSON.
fn parse(said: &str, path: &Path) -> Result<Value, ChoreError> {
    serde_json::from_str(said.lines().last().unwrap_or_default())
        .map_err(|error| ChoreError::Content { path: path.to_owned(), problem: error.to_string() })
}

fn write(folder: &Path, workflow: &Value) -> Result<PathBuf, ChoreError> {
    fs::create_dir_all(folder).map_err(ChoreError::file("make", folder))?;
    let config = folder.join("olive-config.json");
    fs::write(&config, workflow.to_string()).map_err(ChoreError::file("write", &config))?;
    Ok(config)
}
