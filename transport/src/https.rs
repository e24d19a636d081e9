//! Files at https addresses.

use std::path::Path;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
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
    let at = address::parse(url)?;
    let http = Http::new(url, &at, request)?;
    let expected = Expected { sha256: request.sha256, size: None };
    let partial = Partial::open(&request.partial_dir, url)?;
    let authorization = authorization(&http)?;
    runtime::block_on(download(&http, partial, to, expected, async |mut headers| {
        headers.extend(authorization.clone());
        http.get(&Method::GET, &at, &headers).await
    }))
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
    let at = address::parse(url)?;
    let http = Http::new(url, &at, request)?;
    let expected = Expected { sha256: request.sha256, size: Some(size) };
    let partial = Partial::at(partial)?;
    let authorization = authorization(&http)?;
    runtime::block_on(download(&http, partial, to, expected, async |mut headers| {
        headers.extend(authorization.clone());
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
    let headers: HeaderMap = authorization(&http)?.into_iter().collect();
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

/// The header with the token of the request.
fn authorization(http: &Http<'_>) -> Result<Option<(HeaderName, HeaderValue)>, TransportError> {
    let Some(token) = http.request.bearer else { return Ok(None) };
    let value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        let reason = "the token for it has letters that no header can have".to_owned();
        TransportError::Address { url: http.name.clone(), reason }
    });
    let mut value = value?;
    value.set_sensitive(true);
    Ok(Some((AUTHORIZATION, value)))
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
