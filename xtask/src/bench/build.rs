//! Building int4 models, in turns with ONNX Runtime GenAI's own builder, and on large models.
//!
//! Both sides are whole commands: start-up, every process they start, the result in its folder. They
//! read a small model from the page cache; a large one is dropped from it before, where the system lets
//! us.

mod client;
mod peer;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::peer::Peer;
use super::train::Writer;
use super::watch::Watched;
use super::{Extent, disk, shapes, watch};
use crate::demo;
use crate::error::ChoreError;
use crate::fetch;
use crate::release;
use crate::workspace::target;

/// Prints the figures.
pub(crate) fn run(
    extent: &Extent,
    rounds: usize,
    python: Option<PathBuf>,
) -> Result<(), ChoreError> {
    release::build()?;
    fetch::onnxruntime()?;
    let folder = target().join("bench/build");
    fs::create_dir_all(&folder).map_err(ChoreError::file("make", &folder))?;
    let model = demo::import(&fetch::model()?)?;
    compare(&model, &folder, rounds, python, extent.alone)?;
    let mut shapes = Vec::new();
    if extent.phi3 {
        shapes.push(("Phi-3-mini", shapes::phi3_mini()));
    }
    if extent.scaling {
        shapes.extend(shapes::sizes());
    }
    if !shapes.is_empty() {
        let writer = Writer::new(&folder)?;
        for (name, config) in shapes {
            large(name, &config, &writer, &model, &folder)?;
        }
    }
    Ok(())
}

/// Both builders on one model; the medians, their ratios, and what a client makes of the results.
fn compare(
    model: &Path,
    folder: &Path,
    rounds: usize,
    python: Option<PathBuf>,
    alone: bool,
) -> Result<(), ChoreError> {
    let peer = if alone { None } else { Some(Peer::new(python)?) };
    let (output, their_output) = (folder.join("ours"), folder.join("theirs"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(build(model, folder, &output)?);
        if let Some(peer) = &peer {
            theirs.push(peer.build(model, folder, &their_output)?);
        }
    }
    let ours = Watched::median(&ours);
    println!("{}, int4: {ours} (median of {rounds})", name(model));
    let Some(peer) = peer else {
        println!("  skipped: the peer, as `--alone` asks for");
        return Ok(());
    };
    let theirs = Watched::median(&theirs);
    println!("  onnxruntime-genai: {theirs}");
    println!("  theirs / ours: {}", theirs.over(&ours));
    client::compare(&peer, [&output, &their_output], &folder.join("mixed"), rounds)
}

/// Ours on random weights of a shape, beside the time in which the disk reads and writes as much.
fn large(
    name: &str,
    config: &Value,
    writer: &Writer,
    tokenizer: &Path,
    folder: &Path,
) -> Result<(), ChoreError> {
    let model = writer.random_model(&name.to_lowercase(), config)?;
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        let (from, to) = (tokenizer.join(file), model.join(file));
        fs::copy(&from, &to).map_err(ChoreError::file("copy", &from))?;
    }
    let output = folder.join("large");
    disk::forget(&model)?;
    let cost = build(&model, folder, &output)?;
    let read = disk::size(&model)?;
    let written = disk::size(&output)?;
    disk::forget(&model)?;
    let limit = disk::read_seconds(&model)? + disk::write_seconds(folder, written)?;
    let parameters = read / 2.0;
    println!("{name} ({:.2} billion, bf16), int4: {cost}", parameters / 1e9);
    println!(
        "  {:.2} GB read, {:.2} GB written: {:.2} x the disk's {limit:.2} s; {:.2} ns a parameter",
        read / 1e9,
        written / 1e9,
        cost.wall_sec / limit,
        cost.wall_sec / parameters * 1e9,
    );
    disk::remove(&output)?;
    disk::remove(&folder.join("cache"))?;
    disk::remove(&model)
}

/// `olive run` with the one pass, from an empty cache.
fn build(model: &Path, folder: &Path, output: &Path) -> Result<Watched, ChoreError> {
    for old in [folder.join("cache"), output.to_owned()] {
        disk::remove(&old)?;
    }
    let config = folder.join("olive-config.json");
    let workflow = json!({
        "input_model": {"type": "HfModel", "model_path": model},
        "passes": {"build": {"type": "ModelBuilder", "precision": "int4"}},
        "cache_dir": folder.join("cache"),
        "output_dir": output
    });
    fs::write(&config, workflow.to_string()).map_err(ChoreError::file("write", &config))?;
    let mut olive = demo::olive(&["run", "--config"]);
    watch::run(olive.arg(&config))
}

fn name(model: &Path) -> String {
    model.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
