//! The store: what steps made, found by the key of the step.
//!
//! ```text
//! <cache>/v1/steps/<key>/step.json     how the step went and what it made
//! <cache>/v1/steps/<key>/files/        the files it made
//! <cache>/v1/steps/<key>/loans.json    which of them lie in an output folder instead
//! <cache>/v1/work/<key>.<pid>/         a step under way: output/ and scratch/; elsewhere.json when
//!                                      it goes on without its host
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
mod loans;
mod left;
pub mod hold;
mod vet;

pub use artifact::{StoredStep, Work};
pub use checkpoints::Unfinished;
pub use hold::Hold;
pub use key::StepKey;

use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::error::PluginError;
use olive_schemas::model::Model;
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
    /// A file that a step has lent to an output folder is not what it was.
    #[error("`{}` is not what step `{}` has made", path.display(), key.short())]
    Lent {
        /// Key of the step.
        key: StepKey,
        /// Where the file lies, or lay.
        path: PathBuf,
    },
    /// A step that was done is no longer there, or not whole.
    #[error("what step `{}` has made is gone from the cache", .0.short())]
    Gone(StepKey),
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

    /// The error of a step that the store could not serve.
    pub(crate) fn of_step(&self) -> PluginError {
        let told = PluginError::new("store", self.to_string());
        match self.help() {
            Some(help) => told.with_help(help),
            None => told,
        }
    }

    /// The way out.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room on the disk of `cache_dir` and run again")
            }
            Self::Lent { .. } | Self::Gone(_) => Some("run again: the step is then made anew"),
            Self::Io { .. } | Self::Foreign { .. } | Self::Record { .. } => None,
        }
    }
}

/// A step that was done and of which something is gone or changed: it is made anew when it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Its key.
    pub key: StepKey,
    /// Name of the pass.
    pub name: String,
    /// Bytes that it takes up in the store.
    pub size_bytes: u64,
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
        if let Some((key, _)) = self.inside(path) {
            // What cannot be removed stays, and is found damaged by whoever reads it.
            let _ = vet::remove(&self.step_dir(&key));
        }
    }

    /// The step whose files `path` is among, and its path among them.
    fn inside(&self, path: &Path) -> Option<(StepKey, PathBuf)> {
        let inner = path.strip_prefix(self.root.join("steps")).ok()?;
        let mut parts = inner.components();
        let key = parts.next()?.as_os_str().to_string_lossy().into_owned();
        let path = parts.as_path().strip_prefix("files").ok()?;
        Some((StepKey::from_name(key), path.to_owned()))
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

    /// Every complete step with the bytes that it takes up in the store, sorted by key.
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
                let size = files::weigh(&folder).map_err(StoreError::io("read", &folder))?;
                found.push((step, size));
            }
        }
        Ok(found)
    }

    /// Every step that was done and is not whole any more, sorted by key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn damaged(&self) -> Result<Vec<Damaged>, StoreError> {
        let steps = self.root.join("steps");
        let names = files::names(&steps).map_err(StoreError::io("read", &steps))?;
        let keys = names.into_iter().map(StepKey::from_name);
        let of = |key: StepKey| {
            let folder = self.step_dir(&key);
            let size_bytes = files::weigh(&folder).map_err(StoreError::io("read", &folder))?;
            let name = artifact::name(self, &key).unwrap_or_else(|| "?".into());
            Ok(Damaged { key, name, size_bytes })
        };
        keys.filter(|key| self.get(key).is_none()).map(of).collect()
    }

    /// Whether the steps that the files of `model` lie in are whole.
    ///
    /// # Errors
    /// [`StoreError::Gone`] for the first that is not.
    pub fn check_whole(&self, model: &Model) -> Result<(), StoreError> {
        let gone = self.steps_of(model).into_iter().find(|key| self.get(key).is_none());
        gone.map_or(Ok(()), |key| Err(StoreError::Gone(key)))
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
                bytes += files::weigh(&path).map_err(StoreError::io("read", &path))?;
                vet::remove(&path).map_err(StoreError::io("remove", &path))?;
                count += 1;
            }
        }
        Ok((count, bytes))
    }
}
