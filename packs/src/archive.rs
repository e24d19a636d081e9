//! Archives: tar in zstd, written the same way each time, read as if by an enemy.

mod limits;

pub use limits::Limits;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use olive_schemas::pack::PackManifest;

use crate::PackError;

/// A manifest with the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What it says.
    pub manifest: PackManifest,
    /// SHA-256 of its bytes in the archive, 64 hexadecimal digits in lower case.
    pub sha256: String,
}

/// Writes the archive of `manifest`, whose files lie under `root` at their paths in the pack. The
/// same input gives the same bytes.
///
/// # Errors
/// When a file differs from what the manifest says, or cannot be read or written.
pub fn write(manifest: &PackManifest, root: &Path, out: impl Write) -> Result<(), PackError> {
    let _ = (manifest, root, out);
    unimplemented!()
}

/// Reads the manifest, which is the first member, and nothing behind it.
///
/// # Errors
/// When the archive is none, or breaks a limit, or its manifest a rule.
pub fn describe(archive: impl Read, limits: &Limits) -> Result<Described, PackError> {
    let _ = (archive, limits);
    unimplemented!()
}

/// Unpacks `archive` into `folder`, which exists and is empty: every member is compared with the
/// manifest on its way to the disk and synced; files are left read-only. `on_progress` is told the
/// unpacked bytes.
///
/// # Errors
/// When a member is not as the manifest says, or breaks a rule or a limit; what was written so far
/// is the caller's to remove.
pub fn unpack(
    archive: &File,
    folder: &Path,
    limits: &Limits,
    on_progress: &dyn Fn(u64),
) -> Result<Described, PackError> {
    let _ = (archive, folder, limits, on_progress);
    unimplemented!()
}

/// SHA-256 and size of what `content` gives.
///
/// # Errors
/// What reading gives.
pub fn digest(content: impl Read) -> std::io::Result<(String, u64)> {
    let _ = content;
    unimplemented!()
}
