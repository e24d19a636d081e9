//! Indexes: lists of packs that can be installed by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PackName, Provides, Publisher};

/// An index: one file at any URL, signed like a pack (`index.json.minisig` beside it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackIndex {
    /// Version of this format: 1.
    pub format: u32,
    /// Name of the index; the signature names the same.
    pub name: String,
    /// Counts up with every change. A copy with a smaller number than one seen before is refused.
    pub serial: u64,
    /// The packs, by name and then from the newest version to the oldest.
    pub packs: Vec<IndexEntry>,
}

/// One version of a pack in an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexEntry {
    /// Name of the pack.
    pub name: PackName,
    /// Its version (semver).
    pub version: String,
    /// Who ships it.
    pub publisher: Publisher,
    /// License, as an SPDX expression.
    pub license: String,
    /// What it is for: one sentence.
    pub description: String,
    /// Page of the pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Versions of the plugin API that it fits (a semver range).
    pub api: String,
    /// Targets it has plugins for; `any` for those that fit every machine.
    pub targets: Vec<String>,
    /// What it provides.
    pub provides: Provides,
    /// Where the archive is: a URL, or a path relative to the index.
    pub url: String,
    /// SHA-256 of the archive, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// Why it should not be installed any more, when its publisher has taken it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
}
