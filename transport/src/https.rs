//! Files at https addresses.

use std::path::Path;

use crate::{Fetched, Request, TransportError};

/// Fetches `url` (https, or http of this very machine) to the path `to`, which appears whole or not
/// at all.
///
/// # Errors
/// See [`TransportError`]; what has arrived waits in the request's folder for another try.
pub fn fetch(url: &str, to: &Path, request: &Request<'_>) -> Result<Fetched, TransportError> {
    let _ = (url, to, request);
    unimplemented!()
}

/// Fetches a small file, at most `request.limit` bytes, into memory; `None` when the server says
/// that there is none (404, 410).
///
/// # Errors
/// See [`TransportError`].
pub fn fetch_small(url: &str, request: &Request<'_>) -> Result<Option<Vec<u8>>, TransportError> {
    let _ = (url, request);
    unimplemented!()
}
