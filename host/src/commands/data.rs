//! `olive data`.

mod page;
mod preview;

use crate::cli::data::DataCommand;
use crate::error::Error;

/// Runs the command; tells whether output is for programs.
pub(super) fn run(command: &DataCommand) -> (bool, Result<(), Error>) {
    match command {
        DataCommand::Preview(args) => (args.common.json, preview::run(args)),
    }
}
