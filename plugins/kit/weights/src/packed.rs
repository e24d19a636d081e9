//! Checkpoints whose linear layers are codes already.

use std::ops::Range;
use std::path::Path;

use olive_kit_checkpoint::{Description, Linear, PackedCheckpoint, PackedLayer, PackedRows};

use crate::error::WeightError;
use crate::files::ModelFiles;
use crate::rows::StoredRows;
use crate::source::WeightSource;

/// A checkpoint packed by GPTQ, AWQ or Olive, mapped: packed layers have no weights in floats.
#[derive(Debug)]
pub struct PackedWeights {
    checkpoint: PackedCheckpoint,
    files: ModelFiles,
}

impl PackedWeights {
    /// Opens the model folder `dir`.
    ///
    /// # Errors
    /// As [`PackedCheckpoint::open`].
    pub fn open(dir: &Path) -> Result<Self, WeightError> {
        let checkpoint = PackedCheckpoint::open(dir)?;
        Ok(Self { checkpoint, files: ModelFiles::of_folder(dir) })
    }
}

impl WeightSource for PackedWeights {
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

    fn packed(&self, path: &str) -> Option<&PackedLayer> {
        self.checkpoint.layer(path)
    }

    fn packed_rows(
        &self,
        linear: &Linear,
        rows: Range<usize>,
    ) -> Result<Option<PackedRows>, WeightError> {
        Ok(self.checkpoint.rows(linear, rows)?)
    }

    fn release(&self, name: &str) {
        self.checkpoint.release(name);
    }
}
