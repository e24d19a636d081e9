//! `olive plugin`.

mod list;
mod new;
mod build;
mod test;

use crate::cli::plugin::PluginCommand;
use crate::error::Error;

/// Runs the command; tells whether its output is for programs.
pub(super) fn run(command: &PluginCommand) -> (bool, Result<(), Error>) {
    match command {
        PluginCommand::List(args) => (args.json, list::run(args)),
        PluginCommand::New(args) => (false, new::run(args)),
        PluginCommand::Build(args) => (false, build::run(args)),
        PluginCommand::Test(args) => (args.json, test::run(args)),
    }
}
