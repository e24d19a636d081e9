//! `olive onnx`.

mod inspect;
mod page;
mod nodes;
mod families;
mod table;

use crate::cli::onnx::OnnxCommand;
use crate::error::Error;

/// Runs the command; tells whether output is for programs.
pub(super) fn run(command: &OnnxCommand) -> (bool, Result<(), Error>) {
    match command {
        OnnxCommand::Inspect(args) => (args.common.json, inspect::run(args)),
    }
}
