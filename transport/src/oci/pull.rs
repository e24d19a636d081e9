//! Bringing a pack from a registry.

use std::path::Path;

use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use super::Pulled;
use super::manifest::{self, Descriptor, SIGNATURE_LIMIT};
use super::reference::{Reference, Version};
use super::registry::Registry;
use crate::download::{Expected, download};
use crate::partial::{Partial, hex};
use crate::tries::{Failure, persist};
use crate::{Request, TransportError};

/// Bytes that a manifest may have; registries take no larger ones.
const MANIFEST_LIMIT: u64 = 4 << 20;

/// See [`super::pull`].
pub(super) async fn pull(
    reference: &Reference,
    to: &Path,
    request: &Request<'_>,
) -> Result<Pulled, TransportError> {
    let registry = Registry::new(reference, "pull", request)?;
    let url = || registry.http.name.clone();
    let manifest = persist(request, async || read_manifest(&registry).await).await?;
    let pinned = reference.pinned(hex(&Sha256::digest(&manifest)));
    if matches!(reference.version, Version::Digest(_)) && pinned.version != reference.version {
        return Err(registry.nonsense("its manifest has another digest").into_error());
    }
    let parts = manifest::parts(&manifest)
        .map_err(|reason| TransportError::NoPack { url: url(), reason })?;
    if parts.archive.size > request.limit {
        return Err(TransportError::TooLarge { url: url(), limit: request.limit });
    }
    let sha256 = parts.archive.sha256();
    if let Some(promised) = request.sha256.filter(|promised| *promised != sha256) {
        let reason = format!("its SHA-256 is `{sha256}`, not `{promised}`");
        return Err(TransportError::Lie { url: url(), reason });
    }
    let signature = match &parts.signature {
        Some(layer) => {
            Some(persist(request, async || read_signature(&registry, layer).await).await?)
        }
        None => None,
    };
    let blob = registry.url(&format!("blobs/{}", parts.archive.digest))?;
    let expected = Expected { sha256: Some(sha256), size: Some(parts.archive.size) };
    let ask = async |headers| registry.ask(Method::GET, &blob, headers).await;
    let partial = Partial::open(&registry.http.request.partial_dir, blob.as_str())?;
    let archive = download(&registry.http, partial, to, expected, ask).await?;
    Ok(Pulled { archive, signature, pinned: pinned.to_string() })
}

async fn read_manifest(registry: &Registry<'_>) -> Result<Vec<u8>, Failure> {
    let url = registry.url(&format!("manifests/{}", registry.reference.tag_or_digest()))?;
    let accept = (ACCEPT, HeaderValue::from_static(manifest::MEDIA_TYPE));
    let response = registry.ask(Method::GET, &url, HeaderMap::from_iter([accept])).await?;
    let mut response = registry.http.succeed(response).await?;
    registry.http.collect(&mut response, MANIFEST_LIMIT).await
}

async fn read_signature(registry: &Registry<'_>, layer: &Descriptor) -> Result<String, Failure> {
    let url = registry.url(&format!("blobs/{}", layer.digest))?;
    let response = registry.ask(Method::GET, &url, HeaderMap::new()).await?;
    let mut response = registry.http.succeed(response).await?;
    let text = registry.http.collect(&mut response, SIGNATURE_LIMIT).await?;
    if hex(&Sha256::digest(&text)) != layer.sha256() {
        return Err(registry.nonsense("its signature has another SHA-256"));
    }
    String::from_utf8(text).map_err(|_| registry.nonsense("its signature is no text"))
}
