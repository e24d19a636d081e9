//! One writer per key.

use std::fs::{self, File, TryLockError};

use super::key::StepKey;
use super::{Store, StoreError};

/// Held while a step is under way; released when dropped, also by the system.
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
        let folder = self.root.join("locks");
        fs::create_dir_all(&folder).map_err(StoreError::io("make", &folder))?;
        let path = folder.join(key.as_str());
        let file = File::create(&path).map_err(StoreError::io("make", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => {
                Err(StoreError::Io { action: "lock", path, source })
            }
        }
    }
}
