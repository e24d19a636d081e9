//! The store: what steps made, found by the key of the step.
//!
//! ```text
//! <cache>/v1/steps/<key>/step.json     how the step went and what it made
//! <cache>/v1/steps/<key>/files/        the files it made
//! <cache>/v1/work/<key>.<pid>/         a step under way: output/ and scratch/
//! <cache>/v1/checkpoints/<key>/files/  what a step left that was stopped or failed, to go on from
//! <cache>/v1/locks/<key>               held while a step is under way
//! <cache>/v1/digests.json              digests of input files by path, size and time
//! <cache>/v1/last_run/                 footprint and report of the last run without a result
//! ```
//!
//! A step appears under `steps/` by one rename of a complete, synced folder; a failure never does.

pub mod files;
pub mod key;
pub mod artifact;
pub mod checkpoints;
pub mod lock;
mod vet;

pub use artifact::{StoredStep, Work};
pub use checkpoints::Unfinished;
pub use key::StepKey;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the store could not do its work.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A step has left something that is no file and no folder.
    #[error("`{}` is {what}", path.display())]
    Foreign {
        /// Where it lies.
        path: PathBuf,
        /// What it is: `a symbolic link`.
        what: &'static str,
    },
    /// A step's record cannot be written as JSON.
    #[error("cannot write the record of step `{key}`: {source}")]
    Record {
        /// Key of the step.
        key: StepKey,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// A store in one cache folder.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store under the cache folder `cache`; made when a step is first written.
    pub fn new(cache: &Path) -> Self {
        Self { root: cache.join("v1") }
    }

    /// Path of remembered input digests.
    pub fn digests_path(&self) -> PathBuf {
        self.root.join("digests.json")
    }

    /// Whether `path` lies in this store.
    pub fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.root)
    }

    /// Drops the step that `path` belongs to, so that it is made again: its files are not what they
    /// were. A path outside the store is left alone.
    pub fn forget(&self, path: &Path) {
        let steps = self.root.join("steps");
        let inner = path.strip_prefix(&steps).ok();
        if let Some(key) = inner.and_then(|inner| inner.components().next()) {
            // What cannot be removed stays, and is found damaged by whoever reads it.
            let _ = vet::remove(&steps.join(key));
        }
    }

    /// Folder for the footprint and report of a run that has no result.
    pub fn last_run_dir(&self) -> PathBuf {
        self.root.join("last_run")
    }

    /// The result of the step `key`, when it is complete.
    pub fn get(&self, key: &StepKey) -> Option<StoredStep> {
        artifact::read(self, key)
    }

    /// Folder of the step `key`, whether it exists or not.
    pub fn step_dir(&self, key: &StepKey) -> PathBuf {
        self.root.join("steps").join(key.as_str())
    }

    /// Keys and sizes of every complete step, sorted by key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self) -> Result<Vec<(StoredStep, u64)>, StoreError> {
        let steps = self.root.join("steps");
        let mut found = Vec::new();
        for name in files::names(&steps).map_err(StoreError::io("read", &steps))? {
            let key = StepKey::from_name(name);
            if let Some(step) = self.get(&key) {
                let folder = self.step_dir(&key);
                let size = files::size(&folder).map_err(StoreError::io("read", &folder))?;
                found.push((step, size));
            }
        }
        Ok(found)
    }

    /// Removes every step that no running step holds, done or not; gives how many and how many
    /// bytes.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clean(&self) -> Result<(usize, u64), StoreError> {
        self.remove_unheld(&["steps", "work", "checkpoints"])
    }

    /// Removes the checkpoints of every unfinished step that is not under way; gives how many and
    /// how many bytes.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clean_checkpoints(&self) -> Result<(usize, u64), StoreError> {
        self.remove_unheld(&["checkpoints"])
    }

    fn remove_unheld(&self, folders: &[&str]) -> Result<(usize, u64), StoreError> {
        let (mut count, mut bytes) = (0, 0);
        for folder in folders {
            let folder = self.root.join(folder);
            for name in files::names(&folder).map_err(StoreError::io("read", &folder))? {
                let key = StepKey::from_name(name.split('.').next().unwrap_or_default().to_owned());
                let Some(_lock) = self.try_lock(&key)? else { continue };
                let path = folder.join(&name);
                bytes += checkpoints::weigh(&path).map_err(StoreError::io("read", &path))?;
                vet::remove(&path).map_err(StoreError::io("remove", &path))?;
                count += 1;
            }
        }
        Ok((count, bytes))
    }
}
