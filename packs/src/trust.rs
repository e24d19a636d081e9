//! Whose packs are installed: keys of publishers, by the user's word.

use std::path::{Path, PathBuf};

use olive_schemas::pack::{PackManifest, Signer};
use serde::{Deserialize, Serialize};

use crate::PackError;
use crate::signature::{PublicKey, Signature};

/// The keys that the user trusts, and those no longer.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    path: PathBuf,
    publishers: Vec<Publisher>,
    revoked: Vec<Revoked>,
}

/// A publisher and its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// Id, the first part of the names of its packs.
    pub id: String,
    /// Its keys.
    pub keys: Vec<TrustedKey>,
}

/// A key that is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// Id of the key.
    pub id: String,
    /// The public key, a line of base64.
    pub key: String,
    /// How it came to be trusted.
    pub by: TrustedBy,
}

/// How a key came to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustedBy {
    /// The user named it.
    User,
    /// The user agreed when a pack was first installed.
    FirstUse,
    /// It came with the program. Never written down.
    Program,
}

/// A key that was trusted once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Id of the key.
    pub id: String,
    /// Id of its publisher.
    pub publisher: String,
}

/// What the user allows in one command.
pub struct Policy<'a> {
    /// Asked when a publisher has no trusted key yet; says whether to trust this one.
    pub trust_on_first_use: &'a dyn Fn(&PackManifest, &PublicKey) -> Result<bool, PackError>,
    /// Whether a pack without signature is taken.
    pub allow_unsigned: bool,
}

/// What came of looking at a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Who vouches for the pack.
    pub signer: Signer,
    /// A key to trust from now on, as the user agreed.
    pub new_key: Option<PublicKey>,
}

impl Trust {
    /// The user's keys under `data_home`, and those that came with the program: `packs/ID.pub` in
    /// `program_dir`, each of the publisher ID. A revoked key stays revoked, wherever it is.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood.
    pub fn load(data_home: &Path, program_dir: Option<&Path>) -> Result<Self, PackError> {
        let _ = (data_home, program_dir);
        unimplemented!()
    }

    /// The publishers, by id.
    pub fn publishers(&self) -> &[Publisher] {
        &self.publishers
    }

    /// Keys that are no longer trusted.
    pub fn revoked(&self) -> &[Revoked] {
        &self.revoked
    }

    /// Whether the key with this id is trusted for packs of `publisher`.
    pub fn is_trusted(&self, publisher: &str, key_id: &str) -> bool {
        let _ = (publisher, key_id);
        unimplemented!()
    }

    /// Trusts `key` for packs of `publisher`, and writes that down. A key that was revoked is
    /// trusted again only when the user names it.
    ///
    /// # Errors
    /// When the id is none, the key is another publisher's, or the file cannot be written.
    pub fn add(
        &mut self,
        publisher: &str,
        key: &PublicKey,
        by: TrustedBy,
    ) -> Result<(), PackError> {
        let _ = (publisher, key, by);
        unimplemented!()
    }

    /// Trusts a publisher, or a key by its id, no longer, and writes that down; gives the ids of the
    /// keys.
    ///
    /// # Errors
    /// When there is no such publisher or key, or the file cannot be written.
    pub fn remove(&mut self, publisher_or_key: &str) -> Result<Vec<String>, PackError> {
        let _ = publisher_or_key;
        unimplemented!()
    }

    /// Decides about the pack in `archive`, before anything of it but its manifest is read: the
    /// signature is of a key that is trusted for the publisher, is about this name and version, and
    /// fits the archive's bytes.
    ///
    /// # Errors
    /// One sentence about what is not so, with the ids of keys.
    pub fn judge(
        &self,
        archive: &Path,
        manifest: &PackManifest,
        signature: Option<&Signature>,
        policy: &Policy<'_>,
    ) -> Result<Verdict, PackError> {
        let _ = (archive, manifest, signature, policy, &self.path);
        unimplemented!()
    }
}
