//! Where a pack is taken from, as the user says it.

use std::path::PathBuf;
use std::str::FromStr;

use semver::VersionReq;

use crate::PackError;

/// Where a pack is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An archive on this machine; its signature lies beside it.
    File(PathBuf),
    /// A plugin's folder, which is packed first; nobody signs it.
    Folder(PathBuf),
    /// An archive at an https address; its signature has the address with `.minisig`.
    Url {
        /// The address without fragment.
        url: String,
        /// The digest that the fragment `#sha256=…` names.
        sha256: Option<String>,
    },
    /// An artifact in an OCI registry: `oci://HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]`.
    Oci(String),
    /// A name that the indexes know, `[PUBLISHER/]NAME[@VERSION]`.
    Named {
        /// The name, perhaps without publisher.
        name: String,
        /// The versions that will do.
        requirement: VersionReq,
    },
}

impl FromStr for Source {
    type Err = PackError;

    fn from_str(text: &str) -> Result<Self, PackError> {
        let _ = text;
        unimplemented!()
    }
}
