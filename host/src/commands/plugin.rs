//! `olive plugin`.

mod list;
// For authors of plugins.
mod new;
mod build;
mod test;
mod pack;
mod sign;
mod key;
mod push;
// For users of packs.
mod install;
mod info;
mod verify;
mod upgrade;
mod remove;
mod rollback;
mod history;
mod clean;
mod lock;
mod search;
mod trust;
mod index;
// What several of them do.
mod changing;

use crate::cli::packs::{IndexCommand, TrustCommand};
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
        PluginCommand::Pack(args) => (args.json, done(pack::run(args))),
        PluginCommand::Sign(args) => (false, done(sign::run(args))),
        PluginCommand::Key(command) => (false, done(key::run(command))),
        PluginCommand::Push(args) => (args.json, done(push::run(args))),
        PluginCommand::Install(args) => (args.json, done(install::run(args))),
        PluginCommand::Info(args) => (args.json, done(info::run(args))),
        PluginCommand::Verify(args) => (args.json, verify::run(args)),
        PluginCommand::Upgrade(args) => (args.json, done(upgrade::run(args))),
        PluginCommand::Remove(args) => (args.json, done(remove::run(args))),
        PluginCommand::Rollback(args) => (args.json, done(rollback::run(args))),
        PluginCommand::History(args) => (args.json, done(history::run(args))),
        PluginCommand::Clean(args) => (args.json, done(clean::run(args))),
        PluginCommand::Lock(args) => (args.json, lock::run(args)),
        PluginCommand::Search(args) => (args.json, done(search::run(args))),
        PluginCommand::Trust(command) => {
            let is_json = matches!(command, TrustCommand::List(args) if args.json);
            (is_json, done(trust::run(command)))
        }
        PluginCommand::Index(command) => {
            let is_json = match command {
                IndexCommand::List(args) | IndexCommand::Update(args) => args.json,
                _ => false,
            };
            (is_json, done(index::run(command)))
        }
    }
}
