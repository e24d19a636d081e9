//! Packs in OCI registries.
//!
//! A pack is an artifact of type [`ARTIFACT_TYPE`] with one layer of [`PACK_LAYER`] and, when it is
//! signed, one of [`SIGNATURE_LAYER`]. Referrers are not used: common registries lack them.

mod pull;
mod push;
mod manifest;
mod reference;
mod registry;
mod challenge;
mod credentials;

use std::path::Path;

use crate::{Fetched, Request, TransportError, runtime};
use reference::Reference;

/// Type of the artifact.
pub const ARTIFACT_TYPE: &str = "application/vnd.olive.pack.v1";
/// Media type of the layer with the archive.
pub const PACK_LAYER: &str = "application/vnd.olive.pack.layer.v1.tar+zstd";
/// Media type of the layer with the minisign signature.
pub const SIGNATURE_LAYER: &str = "application/vnd.olive.pack.signature.v1+minisign";

/// A pack that was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The archive.
    pub archive: Fetched,
    /// The signature's text.
    pub signature: Option<String>,
    /// The reference by digest, `oci://HOST/REPOSITORY@sha256:…`.
    pub pinned: String,
}

/// A pack to push.
#[derive(Debug, Clone)]
pub struct Push<'a> {
    /// The archive.
    pub archive: &'a Path,
    /// The signature's text.
    pub signature: Option<&'a str>,
    /// Annotations of the manifest, such as `org.opencontainers.image.version`.
    pub annotations: &'a [(String, String)],
}

/// Pulls `reference` (`oci://HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]`); the archive comes to the path
/// `to`. Registries on this machine are spoken to without TLS, others with it. Credentials are those
/// of the user's Docker configuration.
///
/// # Errors
/// See [`TransportError`].
pub fn pull(reference: &str, to: &Path, request: &Request<'_>) -> Result<Pulled, TransportError> {
    let reference: Reference = reference.parse()?;
    runtime::block_on(pull::pull(&reference, to, request))
}

/// Pushes a pack; gives the reference by digest. What the registry has already is not sent again.
///
/// # Errors
/// See [`TransportError`].
pub fn push(
    reference: &str,
    pack: &Push<'_>,
    request: &Request<'_>,
) -> Result<String, TransportError> {
    let reference: Reference = reference.parse()?;
    runtime::block_on(push::push(&reference, pack, request))
}

/// `reference`, with a tag made of `version` when it has none.
///
/// # Errors
/// When the reference is none, or a version cannot be a tag.
pub fn with_tag(reference: &str, version: &str) -> Result<String, TransportError> {
    let reference: Reference = reference.parse()?;
    Ok(reference.or_tag(version)?.to_string())
}
