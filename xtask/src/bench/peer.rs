//! The same work by the Python stack, through `xtask/peers/peer.py`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::TRAIN_STEPS;
use super::figures::Cost;
use crate::command;
use crate::error::ChoreError;
use crate::workspace::{root, target};

/// Prints what `step` costs there, as a ratio to `ours`, or why it was not tried.
pub(crate) fn compare(
    python: Option<&Path>,
    step: &str,
    ours: &Cost,
    model: &Path,
    runs: usize,
) -> Result<(), ChoreError> {
    let Some(python) = python else {
        println!("  skipped: the Python stack, as no --python names an interpreter with it");
        return Ok(());
    };
    let mut costs = Vec::new();
    for _ in 0..runs {
        costs.push(measure(python, step, model)?);
    }
    let theirs = Cost::median(&costs);
    println!("  Python: {theirs}");
    let ratio = |theirs: f64, ours: f64| theirs / ours;
    println!(
        "  Python / ours: wall {:.2}, CPU {:.2}, memory {:.2}",
        ratio(theirs.wall_sec, ours.wall_sec),
        ratio(theirs.cpu_sec, ours.cpu_sec),
        ratio(theirs.peak_bytes, ours.peak_bytes),
    );
    if let (Some(theirs), Some(ours)) = (theirs.tokens_per_sec, ours.tokens_per_sec) {
        println!("  ours / Python: tokens/s {:.2}", ours / theirs);
    }
    Ok(())
}

fn measure(python: &Path, step: &str, model: &Path) -> Result<Cost, ChoreError> {
    let script = root().join("xtask/peers/peer.py");
    let work = target().join("bench/peer");
    let mut command = Command::new(python);
    command.arg(&script).arg(step).arg(model).arg(work).arg(TRAIN_STEPS.to_string());
    let said = command::output(command.env("OMP_WAIT_POLICY", "PASSIVE"))?;
    let content = |problem: String| ChoreError::Content { path: script.clone(), problem };
    let last = said.lines().last().unwrap_or_default();
    let figures: Value = serde_json::from_str(last).map_err(|error| content(error.to_string()))?;
    let figure = |name: &str| {
        figures[name].as_f64().ok_or_else(|| content(format!("it printed no `{name}`")))
    };
    Ok(Cost {
        wall_sec: figure("wall_sec")?,
        cpu_sec: figure("cpu_sec")?,
        peak_bytes: figure("peak_bytes")?,
        tokens_per_sec: figures["tokens_per_sec"].as_f64(),
    })
}
