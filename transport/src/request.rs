//! What a transfer may take, and who follows it.

use std::path::PathBuf;
use std::time::Duration;

/// Bounds of a transfer, and who follows it.
pub struct Request<'a> {
    /// Bytes at most.
    pub limit: u64,
    /// SHA-256 that the content must have, 64 hexadecimal digits in lower case.
    pub sha256: Option<&'a str>,
    /// Token that the server of the address is shown, and a registry before it asks for credentials;
    /// a redirect takes it nowhere else.
    pub bearer: Option<&'a str>,
    /// Folder in which what has arrived waits for the rest: `<folder>/<digest of the URL>.partial`
    /// and what must be known to go on. It is made when it does not exist.
    pub partial_dir: PathBuf,
    /// Longest time without a byte.
    pub patience: Duration,
    /// Told the bytes that have arrived, and the bytes of the whole when they are known.
    pub on_progress: &'a dyn Fn(u64, Option<u64>),
    /// Whether the user wants to stop.
    pub is_cancelled: &'a dyn Fn() -> bool,
}

/// A file that has arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Bytes that had arrived in an earlier try.
    pub resumed_from: u64,
}
