//! A training that computes nothing: figures, checkpoints, and a pause where it is told.

use std::fs;
use std::path::Path;
use std::process;
use std::thread;
use std::time::Duration;

use olive_plugin_api::{LogLevel, PluginError, StepContext};

use crate::passes::{ToyConfig, io};

/// Trains for `config.steps` steps; a checkpoint is the number of the last one.
///
/// At step `config.pause_at` it waits until `config.wait_for` is there. Asked to stop, it takes
/// `config.stop_ms` to write its checkpoint.
pub(crate) fn train(config: &ToyConfig, ctx: &StepContext<'_>) -> Result<(), PluginError> {
    let checkpoint = ctx.checkpoint_dir().map(|folder| folder.join("step"));
    let first = checkpoint.as_deref().map_or(0, done_before);
    if first > 0 {
        ctx.log(LogLevel::Info, format!("resumed after step {first}"));
    }
    for step in first + 1..=config.steps {
        report(step, config.steps, ctx);
        if config.saves {
            save(checkpoint.as_deref(), step)?;
        }
        if step == config.pause_at {
            pause(config, checkpoint.as_deref(), step, ctx)?;
        }
        thread::sleep(Duration::from_millis(config.step_ms));
    }
    Ok(())
}

fn save(checkpoint: Option<&Path>, step: u64) -> Result<(), PluginError> {
    let Some(checkpoint) = checkpoint else { return Ok(()) };
    let new = checkpoint.with_extension("new");
    fs::write(&new, step.to_string()).and_then(|()| fs::rename(&new, checkpoint)).map_err(io)
}

fn done_before(checkpoint: &Path) -> u64 {
    fs::read_to_string(checkpoint).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn report(step: u64, total: u64, ctx: &StepContext<'_>) {
    let done = step as f64 / total as f64;
    let wave = (step as f64 * 0.7).sin();
    let mut figures = vec![
        ("loss", 3.0 * (-3.0 * done).exp() + 0.4 + 0.05 * wave),
        ("learning_rate", 2e-4 * (1.0 - done)),
        ("grad_norm", 1.5 + 0.2 * wave),
        ("tokens_per_second", 640.0 + 20.0 * wave),
        ("peak_share", 0.62),
        ("memory_bytes", 1.4e9),
        ("tokens", step as f64 * 512.0),
    ];
    if step.is_multiple_of(5) {
        figures.push(("eval_loss", 3.0 * (-2.5 * done).exp() + 0.6));
    }
    ctx.progress("step", step, total, &figures);
}

fn pause(
    config: &ToyConfig,
    checkpoint: Option<&Path>,
    step: u64,
    ctx: &StepContext<'_>,
) -> Result<(), PluginError> {
    let go = Path::new(config.wait_for.as_deref().unwrap_or_default());
    ctx.log(LogLevel::Info, format!("waiting in process {}", process::id()));
    while !go.exists() {
        if ctx.is_cancelled() {
            thread::sleep(Duration::from_millis(config.stop_ms));
            save(checkpoint, step)?;
            return Err(PluginError::cancelled());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
