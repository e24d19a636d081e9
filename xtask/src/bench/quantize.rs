//! Quantizing on calibration data: time and memory of the passes, against their limits and what was
//! told before.
//!
//! A run is the program's own, so that what is measured is the worker of the pass.

mod declared;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::figures::{Cost, Footprint, cost, said};
use super::train::Writer;
use super::{Extent, disk, shapes};
use crate::command;
use crate::demo;
use crate::error::ChoreError;
use crate::fetch;
use crate::release;
use crate::workspace::target;

/// Samples, and tokens of each.
const SAMPLES: [usize; 2] = [64, 512];

/// Limits of GPTQ on SmolLM2-135M: seconds and bytes.
const SMALL: [f64; 2] = [60.0, 1e9];

/// Limit of GPTQ on Phi-3-mini's shape, in bytes.
const LARGE_BYTES: f64 = 2.5e9;

/// Layers of Phi-3-mini that are quantized; memory is the same with either.
const PHI3_LAYERS: [usize; 2] = [2, 4];

/// Words that every vocabulary has among its first tokens.
const WORDS: [&str; 32] = [
    "the", "of", "and", "to", "in", "is", "it", "that", "was", "for", "on", "are", "as", "with",
    "they", "at", "be", "this", "have", "from", "or", "one", "had", "by", "but", "not", "what",
    "all", "were", "we", "when", "your",
];

/// Prints the figures.
pub(crate) fn run(extent: &Extent, rounds: usize, threads: usize) -> Result<(), ChoreError> {
    release::build()?;
    let bench = Bench::new(threads)?;
    let model = demo::import(&fetch::model()?)?;
    println!("{} samples of {} tokens, {threads} threads", SAMPLES[0], SAMPLES[1]);
    for pass in ["Rtn", "Awq", "Gptq"] {
        let runs: Result<Vec<_>, _> = (0..rounds).map(|_| bench.quantize(&model, pass)).collect();
        let runs = runs?;
        let costs: Result<Vec<_>, _> = runs.iter().map(|run| cost(run, pass)).collect();
        let cost = Cost::median(&costs?);
        let needed = runs.first().map(|run| said(run, pass, "memory needed: ")).transpose()?;
        println!("SmolLM2-135M, {pass}: {} (median of {rounds})", told(&cost, pass));
        println!("  told before: {}", needed.as_deref().unwrap_or("nothing"));
        if pass == "Gptq" {
            let [seconds, bytes] = SMALL;
            println!(
                "  limit / ours: wall {:.2} of {seconds:.0} s, memory {:.2} of {:.0} MB",
                seconds / cost.wall_sec,
                bytes / cost.peak_bytes,
                bytes / 1e6
            );
        }
    }
    if extent.phi3 { bench.phi3(&model) } else { Ok(()) }
}

/// Where runs are made.
struct Bench {
    folder: PathBuf,
    data: PathBuf,
    threads: usize,
}

impl Bench {
    fn new(threads: usize) -> Result<Self, ChoreError> {
        let folder = target().join("bench/quantize");
        fs::create_dir_all(&folder).map_err(ChoreError::file("make", &folder))?;
        let data = folder.join("texts.json");
        fs::write(&data, texts()).map_err(ChoreError::file("write", &data))?;
        Ok(Self { folder, data, threads })
    }

    /// GPTQ on a few layers of Phi-3-mini's shape, and what is estimated of all.
    fn phi3(&self, tokenizer: &Path) -> Result<(), ChoreError> {
        let writer = Writer::new(&self.folder)?;
        let mut costs = Vec::new();
        let mut few = PathBuf::new();
        for layers in PHI3_LAYERS {
            let mut config = shapes::phi3_mini();
            config["num_hidden_layers"] = json!(layers);
            let model = writer.random_model(&format!("phi3-{layers}-layers"), &config)?;
            copy_tokenizer(tokenizer, &model)?;
            let run = self.quantize(&model, "Gptq")?;
            let cost = cost(&run, "Gptq")?;
            println!("Phi-3-mini, {layers} layers, Gptq: {}", told(&cost, "Gptq"));
            println!("  told before: {}", said(&run, "Gptq", "memory needed: ")?);
            println!("  planned: {}", self.planned(&model)?);
            println!(
                "  limit / ours: memory {:.2} of {:.0} MB",
                LARGE_BYTES / cost.peak_bytes,
                LARGE_BYTES / 1e6
            );
            costs.push(cost);
            few = model;
        }
        if let [first, second] = costs.as_slice() {
            let more = (PHI3_LAYERS[1] - PHI3_LAYERS[0]) as f64;
            println!(
                "  a layer more: {:.2} s, {:.1} MiB",
                (second.wall_sec - first.wall_sec) / more,
                (second.peak_bytes - first.peak_bytes) / more / f64::from(1 << 20)
            );
        }
        let all = declared::write(&few, &self.folder.join("phi3-declared"), &shapes::phi3_mini())?;
        copy_tokenizer(tokenizer, &all)?;
        println!("Phi-3-mini, all layers, planned: {}", self.planned(&all)?);
        Ok(())
    }

    /// `olive run` with the one pass, from an empty cache.
    fn quantize(&self, model: &Path, pass: &str) -> Result<Footprint, ChoreError> {
        let output = self.folder.join("output");
        for old in [self.folder.join("cache"), output.clone()] {
            disk::remove(&old)?;
        }
        let config = self.config(model, pass)?;
        let mut olive = demo::olive(&["run", "--json", "--threads"]);
        olive.arg(self.threads.to_string()).arg("--config").arg(&config);
        Footprint::of_run(&command::output(&mut olive)?, config)
    }

    /// What `olive plan` estimates of GPTQ, in words.
    fn planned(&self, model: &Path) -> Result<String, ChoreError> {
        disk::remove(&self.folder.join("cache"))?;
        let config = self.config(model, "Gptq")?;
        let said = command::output(demo::olive(&["plan", "--json", "--config"]).arg(&config))?;
        let content = |problem: String| ChoreError::Content { path: config.clone(), problem };
        let plan: Value =
            serde_json::from_str(&said).map_err(|error| content(error.to_string()))?;
        let estimate = &plan["steps"][0]["estimate"];
        let figure = |name: &str| {
            let bytes = estimate[name].as_f64();
            bytes.ok_or_else(|| content(format!("its plan says nothing of `{name}`")))
        };
        let (peak, disk) = (figure("peak_host_bytes")?, figure("disk_bytes")?);
        let mib = f64::from(1 << 20);
        Ok(format!("{:.0} MiB of memory, {:.0} MiB on disk", peak / mib, disk / mib))
    }

    fn config(&self, model: &Path, pass: &str) -> Result<PathBuf, ChoreError> {
        let mut settings = json!({ "type": pass, "group_size": 64 });
        if pass != "Rtn" {
            settings["data_config"] = json!("texts");
            settings["nsamples"] = json!(SAMPLES[0]);
        }
        let workflow = json!({
            "input_model": { "type": "HfModel", "model_path": model },
            "data_configs": [{
                "name": "texts",
                "type": "HuggingfaceContainer",
                "load_dataset_config": {
                    "data_name": "json", "data_files": self.data, "split": "train"
                },
                "pre_process_data_config": {
                    "strategy": "join", "max_seq_len": SAMPLES[1], "add_special_tokens": false,
                    "text_template": "{text}"
                }
            }],
            "passes": { "quantize": settings },
            "cache_dir": self.folder.join("cache"),
            "output_dir": self.folder.join("output")
        });
        let config = self.folder.join("olive-config.json");
        fs::write(&config, workflow.to_string()).map_err(ChoreError::file("write", &config))?;
        Ok(config)
    }
}

/// The cost, with the tokens that are calibrated on a second.
fn told(cost: &Cost, pass: &str) -> String {
    let tokens = (SAMPLES[0] * SAMPLES[1]) as f64;
    if pass == "Rtn" {
        return cost.to_string();
    }
    format!("{cost}, {:.0} tokens/s", tokens / cost.wall_sec)
}

fn copy_tokenizer(from: &Path, model: &Path) -> Result<(), ChoreError> {
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        let (from, to) = (from.join(file), model.join(file));
        fs::copy(&from, &to).map_err(ChoreError::file("copy", &from))?;
    }
    Ok(())
}

/// Rows of text with some more tokens than are read.
fn texts() -> String {
    let (mut state, mut rows) = (1_u64, String::new());
    for _ in 0..2 * SAMPLES[0] * SAMPLES[1] / 64 {
        let words = (0..64).map(|_| {
            // Knuth's MMIX generator; the upper bits are the better ones.
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            WORDS[usize::try_from(state >> 59).unwrap_or_default()]
        });
        let text = words.collect::<Vec<_>>().join(" ");
        rows.push_str(&json!({ "text": text }).to_string());
        rows.push('\n');
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_more_words_than_tokens_are_read() {
        let texts = texts();
        let rows = texts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let words: usize = rows.map(|row| row["text"].as_str().unwrap().split(' ').count()).sum();
        assert!(words > SAMPLES[0] * SAMPLES[1], "{words}");
        assert!(WORDS.iter().all(|word| texts.contains(word)));
    }
}
