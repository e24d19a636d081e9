//! Files at https addresses.

use std::path::Path;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest, Sha256};

use crate::download::{Expected, download};
use crate::http::Http;
use crate::partial::{Partial, hex};
use crate::tries::{Failure, persist};
use crate::{Fetched, Request, TransportError, address, runtime};

/// Fetches `url` (https, or http of this very machine) to the path `to`, which appears whole or not
/// at all.
///
/// # Errors
/// See [`TransportError`]; what has arrived waits in the request's folder for another try.
pub fn fetch(url: &str, to: &Path, request: &Request<'_>) -> Result<Fetched, TransportError> {
    // An address that is none leaves no folder behind.
    address::parse(url)?;
    bring(url, None, Partial::open(&request.partial_dir, url)?, to, request)
}

/// Fetches the `size` bytes at `url` to the path `to`, as [`fetch`] does; what has arrived waits in
/// the file `partial`, which other programs know too.
///
/// # Errors
/// See [`TransportError`]; what has arrived waits for another try.
pub fn fetch_part(
    url: &str,
    size: u64,
    partial: &Path,
    to: &Path,
    request: &Request<'_>,
) -> Result<Fetched, TransportError> {
    bring(url, Some(size), Partial::at(partial)?, to, request)
}

/// Fetches a small file, at most `request.limit` bytes, into memory; `None` when the server says
/// that there is none (404, 410).
///
/// # Errors
/// See [`TransportError`].
pub fn fetch_small(url: &str, request: &Request<'_>) -> Result<Option<Vec<u8>>, TransportError> {
    let at = address::parse(url)?;
    let http = Http::new(url, &at, request)?;
    let token = http.bearer()?;
    let headers: HeaderMap = token.map(|token| (AUTHORIZATION, token)).into_iter().collect();
    let attempt = async || -> Result<Option<Vec<u8>>, Failure> {
        let response = http.get(&Method::GET, &at, &headers).await?;
        if matches!(response.status().as_u16(), 404 | 410) {
            return Ok(None);
        }
        let mut response = http.succeed(response).await?;
        http.collect(&mut response, request.limit).await.map(Some)
    };
    runtime::block_on(async { check(persist(request, attempt).await?, &http) })
}

/// Brings what is at `url` to the path `to`; what has arrived waits in `partial`.
fn bring(
    url: &str,
    size: Option<u64>,
    partial: Partial,
    to: &Path,
    request: &Request<'_>,
) -> Result<Fetched, TransportError> {
    let at = address::parse(url)?;
    let http = Http::new(url, &at, request)?;
    let expected = Expected { sha256: request.sha256, size };
    let authorization = http.bearer()?.map(|token| (AUTHORIZATION, token));
    runtime::block_on(download(&http, partial, to, expected, async |mut headers| {
        headers.extend(authorization.clone());
        http.get(&Method::GET, &at, &headers).await
    }))
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
