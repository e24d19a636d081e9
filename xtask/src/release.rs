//! The optimized build that a user gets.

use crate::command;
use crate::error::ChoreError;
use crate::wasm;
use crate::workspace::{Profile, plugins};

/// Builds the program and all plugins, optimized; components only where this machine can.
pub(crate) fn build() -> Result<(), ChoreError> {
    let plugins = plugins()?.into_iter().map(|folder| format!("olive-plugin-{folder}"));
    let mut cargo = command::cargo(&["build", "--release", "--package", "olive"]);
    for package in plugins {
        cargo.args(["--package", &package]);
    }
    command::run(&mut cargo)?;
    wasm::build(Profile::Release).map(drop)
}
