//! Files at https addresses.

use std::path::Path;

use reqwest::Method;
use reqwest::header::HeaderMap;
use sha2::{Digest, Sha256};

use crate::download::{Expected, download};
use crate::http::Http;
use crate::partial::hex;
use crate::tries::{Failure, persist};
use crate::{Fetched, Request, TransportError, address, runtime};

/// Fetches `url` (https, or http of this very machine) to the path `to`, which appears whole or not
/// at all.
///
/// # Errors
/// See [`TransportError`]; what has arrived waits in the request's folder for another try.
pub fn fetch(url: &str, to: &Path, request: &Request<'_>) -> Result<Fetched, TransportError> {
    let at = address::parse(url)?;
    let http = Http::new(url, &at, request)?;
    let expected = Expected { sha256: request.sha256, size: None };
    runtime::block_on(download(&http, url, to, expected, async |headers| {
        http.get(&Method::GET, &at, &headers).await
    }))
}

/// Fetches a small file, at most `request.limit` bytes, into memory; `None` when the server says
/// that there is none (404, 410).
///
/// # Errors
/// See [`TransportError`].
pub fn fetch_small(url: &str, request: &Request<'_>) -> Result<Option<Vec<u8>>, TransportError> {
    let at = address::parse(url)?;
    let http = Http::new(url, &at, request)?;
    let attempt = async || -> Result<Option<Vec<u8>>, Failure> {
        let response = http.get(&Method::GET, &at, &HeaderMap::new()).await?;
        if matches!(response.status().as_u16(), 404 | 410) {
            return Ok(None);
        }
        let mut response = http.succeed(response).await?;
        http.collect(&mut response, request.limit).await.map(Some)
    };
    runtime::block_on(async { check(persist(request, attempt).await?, &http) })
}

fn check(content: Option<Vec<u8>>, http: &Http<'_>) -> Result<Option<Vec<u8>>, TransportError> {
    let (Some(bytes), Some(promised)) = (&content, http.request.sha256) else {
        return Ok(content);
    };
    let sha256 = hex(&Sha256::digest(bytes));
    if sha256 == promised {
        return Ok(content);
    }
    let reason = format!("its SHA-256 is `{sha256}`, not `{promised}`");
    Err(TransportError::Lie { url: http.name.clone(), reason })
}
