//! Walks of calibration data through models of random weights: time and memory, against what is
//! estimated.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::program::program;
use super::train::Writer;
use super::{Extent, shapes};
use crate::command;
use crate::error::ChoreError;
use crate::workspace::target;

/// Sequences, tokens of each, and MiB of hidden states in memory.
const WALK: [&str; 3] = ["64", "512", "512"];

/// Layers of Phi-3-mini that are walked through: memory is the same with either.
const PHI3_LAYERS: [usize; 2] = [2, 4];

/// Prints a line for each model.
pub(crate) fn run(extent: &Extent) -> Result<(), ChoreError> {
    let program = program("olive-kit-calibrate", "walk")?;
    let writer = Writer::new(&target().join("bench/calibrate"))?;
    let mut models = vec![("smollm2".to_owned(), shapes::smollm2(30))];
    for layers in PHI3_LAYERS.into_iter().filter(|_| extent.phi3) {
        let mut config = shapes::phi3_mini();
        config["num_hidden_layers"] = json!(layers);
        models.push((format!("phi3-{layers}-layers"), config));
    }
    println!(
        "{} sequences of {} tokens, {} MiB of hidden states in memory",
        WALK[0], WALK[1], WALK[2]
    );
    for (name, config) in &models {
        walk(&program, name, &writer.random_model(name, config)?)?;
    }
    Ok(())
}

fn walk(program: &Path, name: &str, model: &Path) -> Result<(), ChoreError> {
    let said = command::output(Command::new(program).arg("run").arg(model).args(WALK))?;
    let figures: Value = serde_json::from_str(said.trim()).map_err(|error| {
        ChoreError::Content { path: program.to_owned(), problem: error.to_string() }
    })?;
    let figure = |name: &str| figures[name].as_f64().unwrap_or(f64::NAN);
    let mib = |name: &str| figure(name) / f64::from(1 << 20);
    println!(
        "{name}: {:.1} s, peak {:.0} MiB, estimated {:.0} MiB and {:.0} for a weight, {:.0} MiB in a \
         file",
        figure("seconds"),
        mib("peak_bytes"),
        mib("estimated_bytes"),
        mib("largest_weight_bytes"),
        mib("scratch_bytes"),
    );
    Ok(())
}
