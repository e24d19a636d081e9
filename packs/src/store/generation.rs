//! Generations: sets of active packs, and which of them is active.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use olive_schemas::pack::{PackName, Signer};
use serde::{Deserialize, Serialize};

use super::{Scope, Store, place, seal};
use crate::PackError;
use crate::data::{if_there, is_sha256, json};
use crate::durable::{self, Mode};

/// A set of active packs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Its number; 0 for the empty set before the first change.
    pub number: u64,
    /// The generation that was active before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
    /// What made it: `install acme/prune 1.2.0`.
    pub reason: String,
    /// Seconds since 1970 when it was made.
    pub made_at: u64,
    /// The packs, by name.
    pub packs: Vec<ActivePack>,
    /// Of a project's store: proof that this user made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

/// A pack that is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivePack {
    /// Its name.
    pub name: PackName,
    /// Its version (semver).
    pub version: String,
    /// Where it came from, as `olive plugin install` takes it.
    pub source: String,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// SHA-256 of the manifest's bytes.
    pub manifest_sha256: String,
    /// Who vouches for it.
    pub signer: Signer,
}

/// What `active.json` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pointer {
    /// Number of the active generation.
    pub(super) generation: u64,
    /// Number of the newest generation that has ever been active. Newer ones are what a command
    /// has left that was killed before it was done.
    pub(super) newest: u64,
}

/// Which generation is active, when that was ever written down.
pub(super) fn pointer(store: &Store) -> Result<Option<Pointer>, PackError> {
    let path = store.root.join("active.json");
    let Some(bytes) = if_there(&path, |path| fs::read(path))? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(&path, &error))
}

/// Numbers of the generations that are there, oldest first.
pub(super) fn numbers(store: &Store) -> Result<Vec<u64>, PackError> {
    let number =
        |path: PathBuf| path.file_name()?.to_str()?.strip_suffix(".json")?.parse::<u64>().ok();
    let mut numbers: Vec<u64> =
        place::names(&store.generations())?.into_iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Generation `number`, if it is as it was written.
pub(super) fn read(store: &Store, number: u64) -> Result<Generation, PackError> {
    if number == 0 {
        return Ok(Generation::default());
    }
    let path = path(store, number);
    let Some(bytes) = if_there(&path, |path| fs::read(path))? else {
        let message = format!("generation {number} of the packs in `{}` is missing", root(store));
        return Err(PackError::refused("pack-store", message).with_help(WAY_BACK));
    };
    let generation: Generation =
        serde_json::from_slice(&bytes).map_err(|error| damaged(&path, &error))?;
    if generation.number != number || !generation.packs.iter().all(has_digests) {
        return Err(damaged(&path, &"it has another number, or a digest that is none"));
    }
    if store.scope == Scope::Project && !seal::is_ours(&store.data_home, &generation)? {
        return Err(foreign(store));
    }
    Ok(generation)
}

/// Writes a generation and makes it the active one.
pub(super) fn commit(
    store: &Store,
    reason: &str,
    mut packs: Vec<ActivePack>,
) -> Result<Generation, PackError> {
    let pointer = pointer(store)?;
    let newest = match pointer {
        Some(pointer) => pointer.newest,
        None => numbers(store)?.last().copied().unwrap_or(0),
    };
    packs.sort_by(|one, other| one.name.cmp(&other.name));
    let mut generation = Generation {
        number: newest + 1,
        parent: Some(pointer.unwrap_or_default().generation),
        reason: reason.to_owned(),
        made_at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        packs,
        seal: None,
    };
    if store.scope == Scope::Project {
        generation.seal = Some(seal::make(&store.data_home, &generation)?);
    }
    let path = path(store, generation.number);
    durable::replace(&path, &store.scratch(), json(&generation)?.as_bytes(), Mode::Data)?;
    let activated =
        activate(store, Pointer { generation: generation.number, newest: generation.number });
    if activated.is_err() {
        // It was never active; what the system refuses to remove, the next command sweeps.
        let _ = durable::remove_file(&path);
    }
    activated.map(|()| generation)
}

/// The generation to go back to.
pub(super) fn rollback_target(store: &Store, to: Option<u64>) -> Result<Generation, PackError> {
    let active = pointer(store)?.unwrap_or_default().generation;
    let number = match to {
        Some(number) => number,
        None => read(store, active)?.parent.ok_or_else(|| {
            let message = format!("no packs were active in `{}` before these", root(store));
            PackError::refused("pack-no-generation", message)
        })?,
    };
    if number == active {
        let message = format!("generation {number} is the active one already");
        return Err(PackError::refused("pack-no-generation", message).with_help(LISTED));
    }
    if number != 0 && !numbers(store)?.contains(&number) {
        let message = format!("there is no generation {number} in `{}`", root(store));
        return Err(PackError::refused("pack-no-generation", message).with_help(LISTED));
    }
    let generation = read(store, number)?;
    match generation.packs.iter().find(|pack| !store.has(&pack.sha256)) {
        None => Ok(generation),
        Some(ActivePack { name, version, .. }) => {
            let message =
                format!("`{name}` {version} of generation {number} is not in the store any more");
            Err(PackError::refused("pack-gone", message)
                .with_help(format!("install it: `olive plugin install {name}@{version}`")))
        }
    }
}

/// Makes an earlier generation the active one.
pub(super) fn rollback(store: &Store, to: Option<u64>) -> Result<Generation, PackError> {
    let generation = rollback_target(store, to)?;
    let newest = pointer(store)?.unwrap_or_default().newest.max(generation.number);
    activate(store, Pointer { generation: generation.number, newest })?;
    Ok(generation)
}

/// Where a generation is written.
pub(super) fn path(store: &Store, number: u64) -> PathBuf {
    store.generations().join(format!("{number}.json"))
}

fn activate(store: &Store, pointer: Pointer) -> Result<(), PackError> {
    let path = store.root.join("active.json");
    durable::replace(&path, &store.scratch(), json(&pointer)?.as_bytes(), Mode::Private)
}

/// A digest names a folder: it must not lead elsewhere.
fn has_digests(pack: &ActivePack) -> bool {
    is_sha256(&pack.sha256) && is_sha256(&pack.manifest_sha256)
}

const LISTED: &str = "`olive plugin history` lists them";
const WAY_BACK: &str = "go back to another one with `olive plugin rollback GENERATION`; `olive plugin \
                        history` lists them";

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> PackError {
    let message = format!("`{}` is not as it was written: {why}", path.display());
    PackError::refused("pack-store", message).with_help(WAY_BACK)
}

fn foreign(store: &Store) -> PackError {
    let message = format!(
        "the packs in `{}` were not installed by you on this machine, so none of them is used",
        root(store)
    );
    PackError::refused("pack-foreign-store", message).with_help(
        "remove that folder; `olive plugin install --locked --project` installs what the project's \
         `olive.lock` says",
    )
}

fn root(store: &Store) -> std::path::Display<'_> {
    store.root.display()
}
