//! Indexes: where packs are found by name.

use std::path::{Path, PathBuf};

use olive_schemas::pack::{IndexEntry, PackIndex, PackManifest};
use semver::VersionReq;
use serde::{Deserialize, Serialize};

use crate::PackError;
use crate::installed::Machine;
use crate::signature::{PublicKey, Signature};

/// The configured indexes and the last copies of them.
#[derive(Debug, Clone)]
pub struct Indexes {
    data_home: PathBuf,
    configured: Vec<Configured>,
}

/// A configured index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configured {
    /// Its name, which its signature names too.
    pub name: String,
    /// Where it is: an https URL, or an absolute path.
    pub url: String,
    /// The public key that signs it, a line of base64.
    pub key: String,
}

/// An entry, with the index that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Name of the index.
    pub index: String,
    /// URL or path of the index; the entry's URL may be relative to it.
    pub index_url: String,
    /// The entry.
    pub entry: IndexEntry,
}

impl Found {
    /// Where the archive is: a URL or a path.
    pub fn location(&self) -> String {
        unimplemented!()
    }
}

/// Name of the index that comes with the program: `packs/index.json` beside it, signed by the key
/// `packs/olive.pub`.
pub const PROGRAM: &str = "program";

impl Indexes {
    /// The configured indexes under `data_home`, and the one that comes with the program.
    ///
    /// # Errors
    /// When the list is there and cannot be read or understood.
    pub fn load(data_home: &Path, program_dir: Option<&Path>) -> Result<Self, PackError> {
        let _ = (data_home, program_dir);
        unimplemented!()
    }

    /// The configured indexes, by name.
    pub fn configured(&self) -> &[Configured] {
        &self.configured
    }

    /// Adds an index whose first copy is `content`; gives its name.
    ///
    /// # Errors
    /// When the signature is not by `key`, the name is taken, or it cannot be written.
    pub fn add(
        &mut self,
        url: &str,
        key: &PublicKey,
        content: &[u8],
        signature: &Signature,
    ) -> Result<String, PackError> {
        let _ = (url, key, content, signature, &self.data_home);
        unimplemented!()
    }

    /// Forgets an index.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn remove(&mut self, name: &str) -> Result<(), PackError> {
        let _ = name;
        unimplemented!()
    }

    /// Takes a fresh copy of the index `name`.
    ///
    /// # Errors
    /// When the signature does not fit, or the serial number is smaller than that of the last copy.
    pub fn update(
        &mut self,
        name: &str,
        content: &[u8],
        signature: &Signature,
    ) -> Result<(), PackError> {
        let _ = (name, content, signature);
        unimplemented!()
    }

    /// The last copy of each index, with its name; what cannot be read is told.
    pub fn copies(&self) -> (Vec<(&Configured, PackIndex)>, Vec<PackError>) {
        unimplemented!()
    }

    /// The newest version of a pack that fits: `name` is `publisher/name`, or `name` alone when only
    /// one publisher has it. Versions that were taken back are left out unless `requirement` names
    /// one exactly.
    ///
    /// # Errors
    /// When there is none, several publishers have the name, or no version fits this machine; each
    /// says what there is instead.
    pub fn find(
        &self,
        name: &str,
        requirement: &VersionReq,
        machine: &Machine,
    ) -> Result<Found, PackError> {
        let _ = (name, requirement, machine);
        unimplemented!()
    }

    /// The newest version of every pack whose name, description or parts contain `text`, without
    /// regard to case.
    pub fn search(&self, text: &str) -> Vec<Found> {
        let _ = text;
        unimplemented!()
    }

    /// The newest version of every pack that provides a part of this kind and name, without regard
    /// to case; `kind` as in [`Provides::lists`](olive_schemas::pack::Provides::lists).
    pub fn providing(&self, kind: &str, part: &str) -> Vec<Found> {
        let _ = (kind, part);
        unimplemented!()
    }
}

/// The entry of a pack whose archive is at `url`.
pub fn entry(manifest: &PackManifest, url: &str, sha256: &str, size: u64) -> IndexEntry {
    let _ = (manifest, url, sha256, size);
    unimplemented!()
}
