//! Bringing a pack into a registry.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Body, Method, StatusCode};
use sha2::{Digest, Sha256};

use super::manifest::{self, Descriptor, Manifest};
use super::reference::{Reference, Version};
use super::registry::{Content, Registry};
use super::{ARTIFACT_TYPE, PACK_LAYER, Push, SIGNATURE_LAYER};
use crate::partial::hex;
use crate::tries::{Failure, persist};
use crate::{Request, TransportError};

/// Bytes that are read at a time.
const PIECE: usize = 64 << 10;

/// What a part of a pack is made of.
#[derive(Clone, Copy)]
enum Part<'a> {
    File(&'a Path),
    Bytes(&'a [u8]),
}

/// See [`super::push`].
pub(super) async fn push(
    reference: &Reference,
    pack: &Push<'_>,
    request: &Request<'_>,
) -> Result<String, TransportError> {
    let registry = Registry::new(reference, "pull,push", request)?;
    if let Version::Digest(_) = reference.version {
        let reason = "a pack is pushed to a tag; give one in place of the digest".into();
        return Err(TransportError::Address { url: reference.to_string(), reason });
    }
    let mut layers = vec![(Part::File(pack.archive), PACK_LAYER)];
    layers.extend(pack.signature.map(|text| (Part::Bytes(text.as_bytes()), SIGNATURE_LAYER)));
    let config = (Part::Bytes(manifest::EMPTY), manifest::EMPTY_TYPE);

    let mut described = Vec::new();
    for (part, media_type) in layers.iter().chain([&config]) {
        let (sha256, size) = part.digest(request)?;
        let descriptor = Descriptor::new(media_type, &sha256, size);
        persist(request, async || push_blob(&registry, *part, &descriptor).await).await?;
        described.push(descriptor);
    }
    let config = described.remove(layers.len());
    let manifest = Manifest {
        schema_version: 2,
        media_type: manifest::MEDIA_TYPE.into(),
        artifact_type: Some(ARTIFACT_TYPE.into()),
        config,
        layers: described,
        annotations: pack.annotations.iter().cloned().collect(),
    };
    let manifest = serde_json::to_vec(&manifest)
        .map_err(|error| TransportError::file("write", "the manifest")(error.into()))?;
    persist(request, async || push_manifest(&registry, &manifest).await).await?;
    Ok(reference.pinned(hex(&Sha256::digest(&manifest))).to_string())
}

/// Sends one part, in one piece, unless it is there already.
async fn push_blob(
    registry: &Registry<'_>,
    part: Part<'_>,
    descriptor: &Descriptor,
) -> Result<(), Failure> {
    let http = &registry.http;
    let there = registry.url(&format!("blobs/{}", descriptor.digest))?;
    let response = registry.ask(Method::HEAD, &there, HeaderMap::new()).await?;
    if response.status() != StatusCode::NOT_FOUND {
        return http.succeed(response).await.map(drop);
    }
    let none = Content { make: &|| Ok(Body::from("")), moved: &|| 0 };
    let uploads = registry.url("blobs/uploads/")?;
    let begun = registry.send(Method::POST, &uploads, HeaderMap::new(), &none).await?;
    let begun = http.succeed(begun).await?;
    let place = begun.headers().get(LOCATION).and_then(|place| place.to_str().ok());
    let Some(mut place) = place.and_then(|place| begun.url().join(place).ok()) else {
        return Err(registry.nonsense("it names no place for an upload"));
    };
    crate::address::parse(place.as_str())?;
    place.query_pairs_mut().append_pair("digest", &descriptor.digest);

    let sent = Arc::new(AtomicU64::new(0));
    let moved = || {
        let bytes = sent.load(Ordering::Relaxed);
        if matches!(part, Part::File(_)) {
            (http.request.on_progress)(bytes, Some(descriptor.size));
        }
        bytes
    };
    let make = || part.body(descriptor.size, &sent);
    let kind = (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let headers = HeaderMap::from_iter([kind]);
    let content = Content { make: &make, moved: &moved };
    let response = registry.send(Method::PUT, &place, headers, &content).await?;
    http.succeed(response).await?;
    moved();
    Ok(())
}

async fn push_manifest(registry: &Registry<'_>, manifest: &[u8]) -> Result<(), Failure> {
    let url = registry.url(&format!("manifests/{}", registry.reference.tag_or_digest()))?;
    let kind = (CONTENT_TYPE, HeaderValue::from_static(manifest::MEDIA_TYPE));
    let content = Content { make: &|| Ok(Body::from(manifest.to_vec())), moved: &|| 0 };
    let headers = HeaderMap::from_iter([kind]);
    let response = registry.send(Method::PUT, &url, headers, &content).await?;
    registry.http.succeed(response).await.map(drop)
}

impl Part<'_> {
    /// SHA-256 and size.
    fn digest(self, request: &Request<'_>) -> Result<(String, u64), TransportError> {
        let path = match self {
            Self::Bytes(bytes) => return Ok((hex(&Sha256::digest(bytes)), bytes.len() as u64)),
            Self::File(path) => path,
        };
        let mut file = File::open(path).map_err(TransportError::file("read", path))?;
        let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
        loop {
            if (request.is_cancelled)() {
                return Err(TransportError::Cancelled);
            }
            let read = file.read(&mut piece).map_err(TransportError::file("read", path))?;
            if read == 0 {
                return Ok((hex(&hash.finalize()), size));
            }
            hash.update(&piece[..read]);
            size += read as u64;
        }
    }

    fn body(self, size: u64, sent: &Arc<AtomicU64>) -> Result<Body, TransportError> {
        match self {
            Self::Bytes(bytes) => Ok(Body::from(bytes.to_vec())),
            Self::File(path) => {
                let file = File::open(path).map_err(TransportError::file("read", path))?;
                sent.store(0, Ordering::Relaxed);
                Ok(Body::wrap(Pieces { file, left: size, sent: Arc::clone(sent) }))
            }
        }
    }
}

/// A file, read as it is sent.
struct Pieces {
    file: File,
    left: u64,
    sent: Arc<AtomicU64>,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = Vec::with_capacity(PIECE);
        let most = self.left.min(PIECE as u64);
        let read = (&self.file).take(most).read_to_end(&mut piece);
        Poll::Ready(Some(match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => {
                self.left -= bytes as u64;
                self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
                Ok(Frame::data(piece.into()))
            }
            Err(error) => Err(error),
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
