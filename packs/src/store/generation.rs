//! Generations: sets of active packs.

use olive_schemas::pack::{PackName, Signer};
use serde::{Deserialize, Serialize};

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
