//! Changes of the active set: what an install, upgrade or removal comes to.

use std::collections::BTreeMap;

use olive_schemas::pack::{PackManifest, PackName};
use semver::Version;

use crate::PackError;
use crate::store::ActivePack;

/// A pack that is to become active.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What the generation will say of it.
    pub active: ActivePack,
    /// Its manifest.
    pub manifest: PackManifest,
}

/// What is to become of the active set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Packs that were not there.
    pub added: Vec<ActivePack>,
    /// Packs in another version or build, or with another signer, from and to.
    pub changed: Vec<(ActivePack, ActivePack)>,
    /// Packs that go.
    pub removed: Vec<ActivePack>,
    /// Packs that were asked for and are there already.
    pub unchanged: Vec<ActivePack>,
    /// The set afterwards, by name.
    pub packs: Vec<ActivePack>,
}

/// What installing `candidates` makes of the `current` packs, whose manifests are known.
///
/// # Errors
/// When a candidate conflicts with a pack that stays or with another candidate, is older than what
/// is there (unless `allow_downgrade`), or has the version of what is there with other content.
pub fn install(
    current: &[Candidate],
    candidates: Vec<Candidate>,
    allow_downgrade: bool,
) -> Result<Change, PackError> {
    let candidates = once_each(candidates)?;
    let mut change = Change::default();
    let mut after: BTreeMap<&PackName, &Candidate> =
        current.iter().map(|pack| (&pack.active.name, pack)).collect();

    for new in candidates.values() {
        let old = after.insert(&new.active.name, new).map(|old| &old.active);
        match old {
            None => change.added.push(new.active.clone()),
            Some(old) if old.sha256 == new.active.sha256 && old.signer == new.active.signer => {
                change.unchanged.push(old.clone());
            }
            Some(old) => {
                check_step(old, &new.active, allow_downgrade)?;
                change.changed.push((old.clone(), new.active.clone()));
            }
        }
    }
    for new in candidates.values() {
        for replaced in new.manifest.replaces.iter().filter(|name| **name != new.active.name) {
            if candidates.contains_key(replaced) {
                let message = format!(
                    "`{}` takes the place of `{replaced}`, so that not both can be installed",
                    new.active.name
                );
                return Err(
                    PackError::refused("pack-conflict", message).with_help("install one of them")
                );
            }
            change.removed.extend(after.remove(replaced).map(|pack| pack.active.clone()));
        }
    }
    for new in candidates.values() {
        after.values().try_for_each(|other| check_pair(new, other))?;
    }

    // What is unchanged stays as it is recorded.
    let mut packs: BTreeMap<PackName, ActivePack> =
        after.values().map(|pack| (pack.active.name.clone(), pack.active.clone())).collect();
    packs.extend(change.unchanged.iter().map(|pack| (pack.name.clone(), pack.clone())));
    change.packs = packs.into_values().collect();
    Ok(change)
}

/// What removing `names` makes of the `current` packs.
///
/// # Errors
/// When one is not there.
pub fn remove(current: &[ActivePack], names: &[PackName]) -> Result<Change, PackError> {
    if let Some(absent) = names.iter().find(|name| current.iter().all(|pack| pack.name != **name)) {
        let help = match current {
            [] => "no pack is installed here".to_owned(),
            packs => {
                let names: Vec<String> =
                    packs.iter().map(|pack| format!("`{}`", pack.name)).collect();
                format!("installed here: {}", names.join(", "))
            }
        };
        let message = format!("pack `{absent}` is not installed");
        return Err(PackError::refused("pack-not-installed", message).with_help(help));
    }
    let (removed, mut packs): (Vec<ActivePack>, Vec<ActivePack>) =
        current.iter().cloned().partition(|pack| names.contains(&pack.name));
    packs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Change { removed, packs, ..Change::default() })
}

/// The candidates by name; one that is named twice must be the same both times.
fn once_each(candidates: Vec<Candidate>) -> Result<BTreeMap<PackName, Candidate>, PackError> {
    let mut by_name: BTreeMap<PackName, Candidate> = BTreeMap::new();
    for new in candidates {
        let name = new.active.name.clone();
        match by_name.get(&name) {
            Some(first) if first.active.sha256 != new.active.sha256 => {
                let message = format!(
                    "`{name}` is asked for as {} from `{}` and as {} from `{}`",
                    first.active.version,
                    first.active.source,
                    new.active.version,
                    new.active.source
                );
                return Err(PackError::refused("pack-twice", message).with_help("name one of them"));
            }
            Some(_) => {}
            None => {
                by_name.insert(name, new);
            }
        }
    }
    Ok(by_name)
}

/// Checks the step from what is there to what comes.
fn check_step(old: &ActivePack, new: &ActivePack, allow_downgrade: bool) -> Result<(), PackError> {
    let name = &new.name;
    if old.version == new.version && old.sha256 != new.sha256 {
        let message = format!(
            "`{name}` {} is installed with other content: its SHA-256 is {}, that of `{}` is {}",
            new.version, old.sha256, new.source, new.sha256
        );
        return Err(PackError::refused("pack-same-version", message).with_help(format!(
            "a changed pack needs a new version; to take this one, run `olive plugin remove {name}` \
             first"
        )));
    }
    let parse = |version: &str| Version::parse(version).ok();
    if !allow_downgrade && parse(&new.version) < parse(&old.version) {
        let message =
            format!("`{name}` {} is installed, which is newer than {}", old.version, new.version);
        return Err(PackError::refused("pack-downgrade", message)
            .with_help("`--allow-downgrade` installs the older one"));
    }
    Ok(())
}

/// Checks that `new` and `other` can be active together, whichever of them says that they cannot.
fn check_pair(new: &Candidate, other: &Candidate) -> Result<(), PackError> {
    let (name, other_name) = (&new.active.name, &other.active.name);
    if name == other_name {
        return Ok(());
    }
    let help = format!("remove the other first: `olive plugin remove {other_name}`");
    for (one, another) in [(new, other), (other, new)] {
        if one.manifest.conflicts.contains(&another.active.name) {
            let message = format!(
                "`{name}` and `{other_name}` cannot be active together, as `{}` says",
                one.active.name
            );
            return Err(PackError::refused("pack-conflict", message).with_help(help));
        }
    }
    if other.manifest.replaces.contains(name) {
        let message = format!("`{other_name}`, which is active, takes the place of `{name}`");
        return Err(PackError::refused("pack-conflict", message).with_help(help));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
