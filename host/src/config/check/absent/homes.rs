//! Where a part that is missing would come from, in words.

use olive_packs::store::ActivePack;
use olive_schemas::known_packs::PartKind;

use super::listed;
use crate::plugin::Catalog;
use crate::plugin::packs::lookup::{Holder, is_for_this_machine};

/// Where a part would come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    /// The pack or packs, such as ``pack `acme/prune` 1.2.0``.
    pub(crate) told: String,
    /// What to do.
    pub(crate) help: String,
}

/// The packs that have a part: installed ones that cannot be used, or those of the indexes.
pub(super) fn home(kind: PartKind, name: &str, catalog: &Catalog) -> Option<Home> {
    let kind = match kind {
        PartKind::Pass => "pass",
        PartKind::System => "system",
        PartKind::Evaluator => "evaluator",
        PartKind::Source => "source",
        PartKind::Packager => "packager",
        // Models are files: no plugin has them.
        PartKind::Model => return None,
    };
    of_holders(&catalog.holders(kind, name))
}

/// What to say of packs that have what is missing.
pub(crate) fn of_holders(holders: &[Holder<'_>]) -> Option<Home> {
    holders.iter().find_map(installed).or_else(|| in_indexes(holders))
}

/// An installed pack that has the part, but not for use.
fn installed(holder: &Holder<'_>) -> Option<Home> {
    let home = match holder {
        Holder::Broken(pack) => {
            let help = pack.error.help().map_or_else(
                || format!("see `olive plugin verify {}`", pack.active.name),
                str::to_owned,
            );
            let told = told(&pack.active);
            Home { told: format!("{told}, which is installed and broken: {}", pack.error), help }
        }
        Holder::Elsewhere(pack) => {
            let told = format!("{}, which is installed", told(&pack.active));
            let targets = pack.manifest.targets().join(", ");
            let help = format!("it has plugins for {targets}");
            Home { told: format!("{told}, for other machines only"), help }
        }
        Holder::Listed(_) => return None,
    };
    Some(home)
}

fn told(pack: &ActivePack) -> String {
    format!("pack `{}` {}", pack.name, pack.version)
}

/// Packs of the indexes, for this machine if there are some.
fn in_indexes(holders: &[Holder<'_>]) -> Option<Home> {
    let listed_packs = |is_wanted: bool| {
        let entries = holders.iter().filter_map(move |holder| match holder {
            Holder::Listed(found) if is_for_this_machine(found) == is_wanted => Some(&found.entry),
            _ => None,
        });
        entries.collect::<Vec<_>>()
    };
    let (ours, others) = (listed_packs(true), listed_packs(false));
    let is_ours = !ours.is_empty();
    let entries = if is_ours { ours } else { others };
    let told: Vec<String> =
        entries.iter().map(|entry| format!("`{}` {}", entry.name, entry.version)).collect();
    let first = entries.first()?;
    let packs = if told.len() == 1 { "pack" } else { "packs" };
    let told = format!("{packs} {}", listed(&told));
    if is_ours {
        return Some(Home { told, help: format!("olive plugin install {}", first.name) });
    }
    let help = format!("it has plugins for {}", first.targets.join(", "));
    Some(Home { told: format!("{told}, for other machines only"), help })
}
