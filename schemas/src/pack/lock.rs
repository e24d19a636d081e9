//! The lock file: the packs a project works with, by content.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PackName;

/// `olive.lock`, beside the config: what `olive run --locked` takes and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// Version of this format: 1.
    pub format: u32,
    /// The packs, by name.
    pub packs: Vec<LockedPack>,
}

/// One locked pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockedPack {
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
    /// Who signed it.
    pub signer: Signer,
    /// Versions of the plugin API that it fits (a semver range).
    pub api: String,
    /// SHA-256 of the pack's files by target (`any`, a target triple, or the name of another folder
    /// of the pack) and path. All targets are listed, whichever machine wrote this file.
    pub files: BTreeMap<String, BTreeMap<String, String>>,
}

/// Who vouches for a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signer {
    /// The id of the key that signed it: 16 hexadecimal digits in upper case, as minisign shows
    /// them.
    Key(String),
    /// Nobody: it was installed with `--allow-unsigned`.
    Unsigned,
}
