//! Ways to behave.

use std::path::Path;
use std::process;
use std::thread;
use std::time::Duration;

use olive_plugin_api::{LogLevel, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::passes::ToyConfig;
use crate::training::train;

/// What a step does after it has written a part of its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Behavior {
    /// It does its work.
    Work,
    /// It finds its model wrong before it starts.
    Refuse,
    /// It ends in an error.
    Fail,
    /// It panics.
    Panic,
    /// It ends its process.
    Abort,
    /// It waits until a file is there, unless it is cancelled.
    Wait,
    /// It trains, so it says.
    Train,
    /// It prints to standard output.
    Print,
}

/// Behaves as `config` says.
pub(crate) fn behave(config: &ToyConfig, ctx: &StepContext<'_>) -> Result<(), PluginError> {
    match config.behavior {
        Behavior::Work | Behavior::Refuse => Ok(()),
        Behavior::Fail => {
            Err(PluginError::new("toy-failure", "the toy failed").with_help("tell it not to"))
        }
        Behavior::Panic => panic!("the toy panics"),
        Behavior::Abort => process::abort(),
        Behavior::Wait => wait(Path::new(config.wait_for.as_deref().unwrap_or_default()), ctx),
        Behavior::Train => train(config, ctx),
        Behavior::Print => print(),
    }
}

fn wait(file: &Path, ctx: &StepContext<'_>) -> Result<(), PluginError> {
    ctx.log(LogLevel::Info, format!("waiting in process {}", process::id()));
    while !file.exists() {
        ctx.check_cancelled()?;
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "libraries print what they like")]
#[expect(clippy::unnecessary_wraps, reason = "one of several ways to behave")]
fn print() -> Result<(), PluginError> {
    println!("{{\"done\": \"not a message of the worker\"}}");
    Ok(())
}
