//! `olive plugin install`.

pub(super) mod contents;
pub(super) mod progress;
pub(super) mod told;
pub(super) mod watcher;

use std::path::Path;

use olive_packs::source::Source;

use super::super::say;
use crate::cli::packs::{InstallArgs, PolicyArgs};
use crate::error::Error;
use crate::install::{self, Destination, InstallContext, Order, Rules};
use watcher::Watcher;

/// Installs packs.
pub(super) fn run(args: &InstallArgs) -> Result<(), Error> {
    let project = args.scope.project.as_deref();
    let destination = Destination::new(project)?;
    let sources = args.sources.iter().map(|source| Ok(source.parse::<Source>()?));
    let order = Order {
        sources: sources.collect::<Result<_, Error>>()?,
        destination: &destination,
        rules: rules(&args.policy, args.allow_downgrade || args.locked),
        is_dry_run: args.dry_run,
        is_exact: args.locked,
        locks_project: !args.locked,
        verb: if args.locked { "install --locked" } else { "install" },
    };
    let (mut context, watcher) = (InstallContext::of_user()?, Watcher::new(args.json));
    let outcome = if args.locked {
        let folder = project.unwrap_or(Path::new("."));
        install::locked::install(folder, &order, &mut context, &watcher)?
    } else {
        install::install(&order, &mut context, &watcher)?
    };
    say(&told::outcome(&outcome, args.dry_run, args.json));
    Ok(())
}

/// What the command line allows.
pub(super) fn rules(policy: &PolicyArgs, allow_downgrade: bool) -> Rules {
    Rules {
        trust_on_first_use: policy.trust_on_first_use,
        allow_unsigned: policy.allow_unsigned,
        allow_downgrade,
    }
}
