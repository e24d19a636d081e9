//! The lock file of a project.

use std::path::Path;

use olive_schemas::pack::{LockFile, LockedPack};

use crate::PackError;
use crate::installed::{Installed, InstalledPack};
use crate::store::Store;

/// Name of the lock file, which lies beside the config.
pub const FILE_NAME: &str = "olive.lock";

/// The lock file in `folder`, if there is one.
///
/// # Errors
/// When it cannot be read or understood.
pub fn read(folder: &Path) -> Result<Option<LockFile>, PackError> {
    let _ = folder;
    unimplemented!()
}

/// Writes the lock file in `folder`, all or nothing.
///
/// # Errors
/// When it cannot be written.
pub fn write(folder: &Path, lock: &LockFile) -> Result<(), PackError> {
    let _ = (folder, lock);
    unimplemented!()
}

/// How `pack` is locked.
pub fn locked(pack: &InstalledPack) -> LockedPack {
    let _ = pack;
    unimplemented!()
}

/// Everything in which `installed` is not what `lock` says: packs too many, missing or broken, other
/// versions, content, signers, and files that have changed on the disk (all are read). Each is one
/// sentence; none when there is no drift.
pub fn drift(lock: &LockFile, installed: &Installed, stores: &[Store]) -> Vec<PackError> {
    let _ = (lock, installed, stores);
    unimplemented!()
}
