//! What a step leaves to go on from: kept when it is stopped, fails or is killed, gone when it
//! succeeds.

use std::fs;
use std::path::{Path, PathBuf};

use olive_schemas::footprint::CurvePoint;
use serde::{Deserialize, Serialize};

use super::files::{names, weigh, write_atomically};
use super::{StepKey, Store, StoreError, vet};
use crate::clock;

/// File with the figures of the last attempt.
const CURVE: &str = "curve.json";

/// A step that was begun, is not done, and has left checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Its key.
    pub key: StepKey,
    /// Name of the pass or source.
    pub name: String,
    /// Label of the plugin, `name@version`.
    pub plugin: String,
    /// Start of the last attempt, RFC 3339 in UTC.
    pub start_time: String,
    /// Bytes of its checkpoints.
    pub size_bytes: u64,
}

/// `step.json` of an unfinished step.
#[derive(Serialize, Deserialize)]
struct Note {
    name: String,
    plugin: String,
    start_time: String,
}

/// The checkpoints of one step under way.
#[derive(Debug)]
pub(super) struct Checkpoints(PathBuf);

impl Checkpoints {
    /// Those of the step `key`; nothing is made yet.
    pub(super) fn of(store: &Store, key: &StepKey) -> Self {
        Self(store.checkpoints_dir().join(key.as_str()))
    }

    /// The folder for the step's files, with a note on whose they are.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn folder(&self, name: &str, plugin: &str) -> Result<PathBuf, StoreError> {
        let files = self.0.join("files");
        fs::create_dir_all(&files).map_err(StoreError::io("make", &files))?;
        let start_time = clock::now();
        let note = Note { name: name.to_owned(), plugin: plugin.to_owned(), start_time };
        let path = self.0.join("step.json");
        let bytes = serde_json::to_vec_pretty(&note).unwrap_or_default();
        write_atomically(&path, &bytes).map_err(StoreError::io("write", &path))?;
        Ok(files)
    }

    /// The curve of the last attempt, when it left one.
    pub(super) fn curve(&self) -> Vec<CurvePoint> {
        let curve = fs::read(self.0.join(CURVE)).ok();
        curve.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Keeps the curve of an attempt that ended without a result, when it left checkpoints.
    pub(super) fn keep_curve(&self, curve: &[CurvePoint]) {
        if !curve.is_empty() && self.has_files() {
            // A report without the beginning of a curve is no reason to fail.
            let bytes = serde_json::to_vec(curve).unwrap_or_default();
            let _ = write_atomically(&self.0.join(CURVE), &bytes);
        }
    }

    /// Removes them: the step is done.
    pub(super) fn remove(&self) {
        // What cannot be removed is in nobody's way, and `olive cache` lists it.
        if self.0.exists() {
            let _ = vet::remove(&self.0);
        }
    }

    /// Removes the folder when the step has left nothing in it.
    pub(super) fn remove_if_empty(&self) {
        if !self.has_files() {
            self.remove();
        }
    }

    /// Whether the step has left something; what cannot be read is something.
    fn has_files(&self) -> bool {
        names(&self.0.join("files")).map_or(true, |names| !names.is_empty())
    }
}

impl Store {
    pub(super) fn checkpoints_dir(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// Removes checkpoints of a step that is done, as a kill right after its end leaves them.
    pub fn drop_checkpoints(&self, key: &StepKey) {
        Checkpoints::of(self, key).remove();
    }

    /// Whether an attempt at the step `key` has left something to go on from.
    pub fn is_begun(&self, key: &StepKey) -> bool {
        Checkpoints::of(self, key).has_files()
    }

    /// Every unfinished step, sorted by key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        let folder = self.checkpoints_dir();
        let names = names(&folder).map_err(StoreError::io("read", &folder))?;
        names.into_iter().map(|name| unfinished(&folder.join(&name), name)).collect()
    }
}

fn unfinished(folder: &Path, key: String) -> Result<Unfinished, StoreError> {
    let note = fs::read(folder.join("step.json")).ok();
    let note: Option<Note> = note.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let unknown = || Note { name: "?".into(), plugin: "?".into(), start_time: "?".into() };
    let Note { name, plugin, start_time } = note.unwrap_or_else(unknown);
    let size_bytes = weigh(folder).map_err(StoreError::io("read", folder))?;
    Ok(Unfinished { key: StepKey::from_name(key), name, plugin, start_time, size_bytes })
}
