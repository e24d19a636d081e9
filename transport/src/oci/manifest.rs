//! The manifest of a pack in a registry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reference::is_digest;
use super::{ARTIFACT_TYPE, PACK_LAYER, SIGNATURE_LAYER};

/// Media type of manifests.
pub(super) const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of the config of an artifact that has none.
pub(super) const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// That config.
pub(super) const EMPTY: &[u8] = b"{}";
/// Bytes that a signature may have.
pub(super) const SIGNATURE_LIMIT: u64 = 16 << 10;

/// The parts of an artifact.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    #[serde(default)]
    pub(super) media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// One part.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// The parts of a pack.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) archive: Descriptor,
    pub(super) signature: Option<Descriptor>,
}

impl Descriptor {
    /// A part with this content.
    pub(super) fn new(media_type: &str, sha256: &str, size: u64) -> Self {
        let (media_type, digest) = (media_type.into(), format!("sha256:{sha256}"));
        Self { media_type, digest, size, annotations: BTreeMap::new() }
    }

    /// Its SHA-256, 64 hexadecimal digits in lower case.
    pub(super) fn sha256(&self) -> &str {
        self.digest.strip_prefix("sha256:").unwrap_or(&self.digest)
    }
}

/// The parts of the pack that a manifest describes, or what it describes instead.
pub(super) fn parts(manifest: &[u8]) -> Result<Parts, String> {
    let manifest: Manifest = serde_json::from_slice(manifest)
        .map_err(|_| "it has no manifest of a single artifact".to_owned())?;
    let kind = manifest.artifact_type.unwrap_or(manifest.config.media_type);
    if kind != ARTIFACT_TYPE {
        return Err(format!("its type is `{}`, not `{ARTIFACT_TYPE}`", shown(&kind)));
    }
    let (mut archive, mut signature) = (None, None);
    for layer in manifest.layers {
        let (place, limit) = match layer.media_type.as_str() {
            PACK_LAYER => (&mut archive, u64::MAX),
            SIGNATURE_LAYER => (&mut signature, SIGNATURE_LIMIT),
            other => return Err(format!("it has a layer of type `{}`", shown(other))),
        };
        if !is_digest(layer.sha256()) {
            return Err("a layer has no SHA-256".into());
        }
        if layer.size > limit {
            return Err(format!("its signature has {} bytes", layer.size));
        }
        if let Some(first) = place.replace(layer) {
            return Err(format!("it has two layers of type `{}`", first.media_type));
        }
    }
    let archive = archive.ok_or_else(|| format!("it has no layer of type `{PACK_LAYER}`"))?;
    Ok(Parts { archive, signature })
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::parts;

    const SHA256: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn manifest(kind: &str, layers: &Value) -> Value {
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": kind,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": SHA256, "size": 2},
            "layers": layers,
        })
    }

    fn layer(kind: &str, digest: &str, size: u64) -> Value {
        json!({"mediaType": kind, "digest": digest, "size": size})
    }

    #[test]
    fn what_is_no_pack_is_named() {
        let kind = super::ARTIFACT_TYPE;
        let pack = layer(super::PACK_LAYER, SHA256, 5);
        let signature = layer(super::SIGNATURE_LAYER, SHA256, 300);
        assert!(parts(manifest(kind, &json!([pack, signature])).to_string().as_bytes()).is_ok());
        for (manifest, reason) in [
            (manifest("application/x", &json!([pack])), "its type is `application/x`"),
            (manifest(kind, &json!([])), "it has no layer of type"),
            (manifest(kind, &json!([signature])), "it has no layer of type"),
            (manifest(kind, &json!([pack, pack])), "it has two layers"),
            (
                manifest(kind, &json!([pack, layer("text/x", SHA256, 1)])),
                "a layer of type `text/x`",
            ),
            (manifest(kind, &json!([layer(super::PACK_LAYER, "md5:1", 1)])), "no SHA-256"),
            (
                manifest(kind, &json!([pack, layer(super::SIGNATURE_LAYER, SHA256, 1 << 30)])),
                "its signature has 1073741824 bytes",
            ),
            (json!({"schemaVersion": 2, "manifests": []}), "no manifest of a single artifact"),
            (json!("x"), "no manifest of a single artifact"),
        ] {
            let said = parts(manifest.to_string().as_bytes()).unwrap_err();
            assert!(said.contains(reason), "{said}");
        }
    }
}
