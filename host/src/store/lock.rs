//! One writer per key, or many readers.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use super::key::StepKey;
use super::{Store, StoreError};

/// How often whoever waits for a lock looks whether it is free.
pub const PATIENCE: Duration = Duration::from_millis(100);

/// Held while a step is under way, or read; released when dropped, also by the system.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Store {
    /// The lock of `key`, or `None` when another process holds it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn try_lock(&self, key: &StepKey) -> Result<Option<Lock>, StoreError> {
        let (path, file) = self.lock_file(key)?;
        taken(file.try_lock(), path, file)
    }

    /// A lock of `key` that others may share, or `None` when another process has it alone.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub(super) fn try_lock_shared(&self, key: &StepKey) -> Result<Option<Lock>, StoreError> {
        let (path, file) = self.lock_file(key)?;
        taken(file.try_lock_shared(), path, file)
    }

    /// The lock of `key`, as soon as no other process holds it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub(super) fn lock(&self, key: &StepKey) -> Result<Lock, StoreError> {
        let (path, file) = self.lock_file(key)?;
        file.lock().map_err(StoreError::io("lock", &path))?;
        Ok(Lock { _file: file })
    }

    /// A lock of `key` that others may share, as soon as no other process has it alone.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub(super) fn lock_shared(&self, key: &StepKey) -> Result<Lock, StoreError> {
        let (path, file) = self.lock_file(key)?;
        file.lock_shared().map_err(StoreError::io("lock", &path))?;
        Ok(Lock { _file: file })
    }

    fn lock_file(&self, key: &StepKey) -> Result<(PathBuf, File), StoreError> {
        let folder = self.root.join("locks");
        fs::create_dir_all(&folder).map_err(StoreError::io("make", &folder))?;
        let path = folder.join(key.as_str());
        let file = File::create(&path).map_err(StoreError::io("make", &path))?;
        Ok((path, file))
    }
}

fn taken(
    tried: Result<(), TryLockError>,
    path: PathBuf,
    file: File,
) -> Result<Option<Lock>, StoreError> {
    match tried {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(StoreError::Io { action: "lock", path, source }),
    }
}
