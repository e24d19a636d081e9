//! Changes of the active set: what an install, upgrade or removal comes to.

use olive_schemas::pack::{PackManifest, PackName};

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
    /// Packs in another version or build, from and to.
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
    let _ = (current, candidates, allow_downgrade);
    unimplemented!()
}

/// What removing `names` makes of the `current` packs.
///
/// # Errors
/// When one is not there.
pub fn remove(current: &[ActivePack], names: &[PackName]) -> Result<Change, PackError> {
    let _ = (current, names);
    unimplemented!()
}
