//! Checkpoints in floats.

use std::ops::Range;
use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, Description};

use crate::error::WeightError;
use crate::files::ModelFiles;
use crate::rows::StoredRows;
use crate::source::WeightSource;

/// A checkpoint in floats, mapped: rows are lent from the files.
#[derive(Debug)]
pub struct CheckpointWeights {
    checkpoint: Checkpoint,
    files: ModelFiles,
}

impl CheckpointWeights {
    /// Opens the model folder `dir`.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn open(dir: &Path) -> Result<Self, WeightError> {
        let checkpoint = Checkpoint::open(dir)?;
        Ok(Self { checkpoint, files: ModelFiles::of_folder(dir) })
    }
}

impl WeightSource for CheckpointWeights {
    fn description(&self) -> &Description {
        self.checkpoint.description()
    }

    fn files(&self) -> &ModelFiles {
        &self.files
    }

    fn validate(&self) -> Result<(), WeightError> {
        Ok(self.checkpoint.validate()?)
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, WeightError> {
        Ok(self.checkpoint.tensor(name)?.shape.to_vec())
    }

    fn rows(&self, name: &str, rows: Range<usize>) -> Result<StoredRows<'_>, WeightError> {
        Ok(StoredRows::of(&self.checkpoint.tensor(name)?, rows))
    }

    fn release(&self, name: &str) {
        self.checkpoint.release(name);
    }
}
