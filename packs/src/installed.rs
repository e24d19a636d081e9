//! What is installed, as the program meets it at every start: quickly, and without running any of it.

use std::path::PathBuf;

use olive_schemas::pack::PackManifest;
use semver::Version;

use crate::PackError;
use crate::store::{ActivePack, Scope, Store};
use crate::trust::Trust;

/// What packs are chosen for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Target triple of this program.
    pub target: String,
    /// Version of the plugin API.
    pub api: Version,
    /// Version of Olive.
    pub host: Version,
}

/// A pack that is active and sound, as far as can be told without reading all of it.
#[derive(Debug, Clone)]
pub struct InstalledPack {
    /// What the generation says of it.
    pub active: ActivePack,
    /// Whose it is.
    pub scope: Scope,
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: PackManifest,
}

/// A pack that is active and cannot be used.
#[derive(Debug)]
pub struct BrokenPack {
    /// What the generation says of it.
    pub active: ActivePack,
    /// Whose it is.
    pub scope: Scope,
    /// Why.
    pub error: PackError,
}

/// The packs of some stores.
#[derive(Debug, Default)]
pub struct Installed {
    /// Those that can be used, by scope and name; a project's pack stands for a user's of that name.
    pub packs: Vec<InstalledPack>,
    /// Those that cannot.
    pub broken: Vec<BrokenPack>,
    /// Stores that cannot be used as a whole.
    pub problems: Vec<PackError>,
}

/// Loads what is active in `stores`: each manifest is compared with its digest, each file with its
/// size, each signer with `trust`.
pub fn load(stores: &[Store], trust: &Trust, machine: &Machine) -> Installed {
    let _ = (stores, trust, machine);
    unimplemented!()
}

/// Whether `manifest` fits `machine`: API range, oldest host, a target for it.
///
/// # Errors
/// What does not fit, and what would.
pub fn fits(manifest: &PackManifest, machine: &Machine) -> Result<(), PackError> {
    let _ = (manifest, machine);
    unimplemented!()
}
