//! `olive plugin remove`.

use olive_packs::PackError;
use olive_packs::change::{self, Change};
use olive_packs::store::ActivePack;
use olive_schemas::pack::PackName;

use super::super::say;
use super::changing::{self, Line};
use crate::cli::packs::RemoveArgs;
use crate::error::Error;
use crate::install::{Destination, upgrade};

/// Removes packs.
pub(super) fn run(args: &RemoveArgs) -> Result<(), Error> {
    let destination = Destination::new(args.scope.project.as_deref())?;
    let store = &destination.store;
    // A name that nothing has is refused before anything is touched.
    let change = change(&store.active()?.packs, &args.names)?;
    if args.dry_run {
        say(&text(&change, None, args));
        return Ok(());
    }
    let guard = changing::lock(&destination, args.json)?;
    let change = self::change(&store.active()?.packs, &args.names)?;
    store.commit(&guard, &reason(&change.removed), change.packs.clone())?;
    drop(guard);
    let locked = changing::lock_project(&destination)?;
    say(&text(&change, locked, args));
    Ok(())
}

fn change(active: &[ActivePack], names: &[String]) -> Result<Change, PackError> {
    let found = upgrade::chosen(active, names)?;
    let names: Vec<PackName> = found.iter().map(|pack| pack.name.clone()).collect();
    change::remove(active, &names)
}

/// What the history says: `remove acme/prune 1.2.0`.
fn reason(removed: &[ActivePack]) -> String {
    let packs: Vec<String> =
        removed.iter().map(|pack| format!("{} {}", pack.name, pack.version)).collect();
    format!("remove {}", packs.join(", "))
}

fn text(change: &Change, locked: Option<Line>, args: &RemoveArgs) -> String {
    let removed = change.removed.iter().map(|pack| Line::removed(pack, args.dry_run));
    changing::text(removed.chain(locked), args.json)
}
