//! What this machine has for steps.

use std::path::Path;

use crate::plugin::process::memory::budget;

/// Bytes that the process of a step may fill, where the system tells.
pub(super) fn memory() -> Option<u64> {
    budget()
}

/// Bytes that are free where `path` is or will be, where the system tells.
#[cfg(unix)]
pub(super) fn disk(path: &Path) -> Option<u64> {
    let folder = path.ancestors().find(|folder| folder.exists())?;
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
pub(super) fn disk(_path: &Path) -> Option<u64> {
    None
}
