//! Checkpoints: everything a training needs to go on as if it had never stopped.
//!
//! A checkpoint is a folder `checkpoint-N` with the adapter in PEFT's layout, `optimizer.safetensors`
//! and `trainer_state.json`. It is written under another name, synced and renamed, so that a folder
//! of that name is always whole.

mod identity;
mod read;
mod state;
mod write;

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use olive_kit_adapters::Adapters;

pub(crate) use identity::Identity;
pub(crate) use read::{read_values, resume, resume_newest};
pub(crate) use state::{OwnState, TrainerState};
pub(crate) use write::Folder;

/// File with the state of the training.
const STATE: &str = "trainer_state.json";
/// File with what the optimizer remembers.
const OPTIMIZER: &str = "optimizer.safetensors";
/// Start of the name of a checkpoint's folder.
const PREFIX: &str = "checkpoint-";

/// Writes an adapter into a folder in PEFT's layout, with every value as f32.
pub type WriteAdapter<'a> =
    dyn Fn(&Adapters, &Path) -> Result<(), Box<dyn Error + Send + Sync>> + 'a;

/// Where checkpoints are kept, and whether to go on from one.
#[derive(Clone, Copy)]
pub struct Checkpoints<'a> {
    /// Folder that holds the checkpoints; made when it is not there.
    pub dir: &'a Path,
    /// Writes `adapter_config.json` and `adapter_model.safetensors` into a folder.
    pub write_adapter: &'a WriteAdapter<'a>,
    /// Whether to go on from a checkpoint.
    pub resume: Resume<'a>,
    /// Go on from a checkpoint of other settings or data.
    pub accepts_changes: bool,
    /// What else must be the same to go on, such as a digest of the model.
    pub model: &'a str,
}

/// Whether to go on from a checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Resume<'a> {
    /// Start anew.
    #[default]
    No,
    /// From the newest one in the folder that can be read; start anew when there is none.
    Newest,
    /// From this one.
    From(&'a Path),
}

impl fmt::Debug for Checkpoints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoints")
            .field("dir", &self.dir)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
}

/// Name of the folder of a step's checkpoint.
pub(crate) fn folder_name(step: usize) -> String {
    format!("{PREFIX}{step}")
}

/// The step after which the checkpoint in `folder` was written, by the folder's name.
pub fn step(folder: &Path) -> Option<usize> {
    folder.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok()
}

/// The checkpoints in a folder by step, oldest first.
pub fn list(dir: &Path) -> Vec<(usize, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.path();
            path.join(STATE).is_file().then_some((step(&path)?, path))
        })
        .collect();
    found.sort();
    found
}
