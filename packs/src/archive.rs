//! Archives: tar in zstd, written the same way each time, read as if by an enemy.
//!
//! An archive is one zstd frame with a window of at most 8 MiB, which holds one tar of plain files.
//! `pack.json` is first. A path that does not fit the header of its member stands in a PAX header
//! before it, which says nothing else.
//!
//! ```text
//! bytes ─stream→ tar ─members→ headers and contents ─read→ files, each compared with the manifest
//! ```
//!
//! Nothing of a header but kind, path and size is believed, and those must agree with the manifest.

mod limits;
mod members;
mod read;
mod stream;
mod write;

pub use limits::Limits;
pub use read::{describe, unpack};
pub use write::write;

use std::io::Read;

use olive_schemas::pack::PackManifest;
use sha2::{Digest, Sha256};

use crate::data::hex;

/// A manifest with the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What it says.
    pub manifest: PackManifest,
    /// SHA-256 of its bytes in the archive, 64 hexadecimal digits in lower case.
    pub sha256: String,
}

/// What was unpacked, with the digest of the very bytes that were read for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The manifest.
    pub described: Described,
    /// SHA-256 of the archive, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
}

/// SHA-256 and size of what `content` gives.
///
/// # Errors
/// What reading gives.
pub fn digest(mut content: impl Read) -> std::io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; BUFFER];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok((hex(&hash.finalize()), size)),
            length => {
                hash.update(&buffer[..length]);
                size += length as u64;
            }
        }
    }
}

/// Bytes read at once.
const BUFFER: usize = 256 << 10;
/// Base-two logarithm of zstd's window: what RFC 8878 asks every decoder to have.
const WINDOW_LOG: u32 = 23;
/// Bytes of a block of a tar.
const BLOCK: usize = 512;

/// Bytes that fill the last block of `size` bytes.
#[expect(clippy::cast_possible_truncation, reason = "the rest is smaller than a block")]
fn padding(size: u64) -> usize {
    let rest = (size % BLOCK as u64) as usize;
    if rest == 0 { 0 } else { BLOCK - rest }
}

#[cfg(test)]
mod evil;
#[cfg(test)]
mod tests;
