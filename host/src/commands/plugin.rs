//! `olive plugin`.

mod list;
mod new;
mod build;
mod test;

use crate::cli::plugin::PluginCommand;
use crate::error::Error;

/// Runs the command, for its exit code; tells whether its output is for programs.
pub(super) fn run(command: &PluginCommand) -> (bool, Result<u8, Error>) {
    let done = |result: Result<(), Error>| result.map(|()| 0);
    match command {
        PluginCommand::List(args) => (args.json, done(list::run(args))),
        PluginCommand::New(args) => (false, done(new::run(args))),
        PluginCommand::Build(args) => (false, done(build::run(args))),
        PluginCommand::Test(args) => (args.json, test::run(args)),
    }
}
