//! `olive plugin upgrade`.

use olive_packs::PackError;
use olive_packs::store::ActivePack;
use serde_json::json;

use super::super::say;
use super::index::update;
use super::install::rules;
use super::install::told;
use super::install::watcher::Watcher;
use crate::cli::packs::UpgradeArgs;
use crate::error::Error;
use crate::install::upgrade::{Next, chosen, is_indexed, next};
use crate::install::{self, Destination, InstallContext, Order};

/// Installs the newest versions.
pub(super) fn run(args: &UpgradeArgs) -> Result<(), Error> {
    let destination = Destination::new(args.scope.project.as_deref())?;
    let mut context = InstallContext::of_user()?;
    let active = destination.store.active()?;
    let chosen = chosen(&active.packs, &args.names)?;
    let failed = if chosen.iter().any(|pack| is_indexed(pack)) && !args.dry_run {
        update::all(&mut context.indexes, args.json).1
    } else {
        None
    };
    let mut sources = Vec::new();
    for pack in chosen {
        match next(pack, &context) {
            Next::Newer(source) => sources.push(source),
            stays if args.names.is_empty() => say(&stay(pack, &stays, args.json)),
            Next::Newest => say(&stay(pack, &Next::Newest, args.json)),
            Next::Unknown(error) => return Err(error.into()),
            Next::NotIndexed => return Err(not_indexed(pack).into()),
        }
    }
    if active.packs.is_empty() && !args.json {
        say("no pack is installed here\n");
    }
    if sources.is_empty() {
        return failed.map_or(Ok(()), Err);
    }
    let order = Order {
        sources,
        destination: &destination,
        rules: rules(&args.policy, false),
        is_dry_run: args.dry_run,
        is_exact: false,
        locks_project: true,
        verb: "upgrade",
    };
    let outcome = install::install(&order, &mut context, &Watcher::new(args.json))?;
    say(&told::outcome(&outcome, args.dry_run, args.json));
    // An index that cannot be reached does not keep the others from being used.
    failed.map_or(Ok(()), Err)
}

/// Why a pack stays as it is.
fn stay(pack: &ActivePack, next: &Next, is_json: bool) -> String {
    let ActivePack { name, version, source, .. } = pack;
    let why = match next {
        Next::Newer(_) | Next::Newest => "is the newest version".to_owned(),
        Next::Unknown(error) => format!("stays: {error}"),
        Next::NotIndexed => format!("stays: it came from `{source}`, and not from an index"),
    };
    if is_json {
        let line = json!({"event": "unchanged", "name": name, "version": version, "reason": why});
        return format!("{line}\n");
    }
    format!("{name} {version} {why}\n")
}

fn not_indexed(pack: &ActivePack) -> PackError {
    let ActivePack { name, version, source, .. } = pack;
    let message = format!("{name} {version} came from `{source}`, which has no newer versions");
    let help = "install a newer version from where it is, or by name from an index";
    PackError::refused("pack-not-indexed", message).with_help(help)
}
