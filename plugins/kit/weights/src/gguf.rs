//! GGUF files.

use std::ops::Range;
use std::path::Path;

use olive_kit_checkpoint::{CheckpointError, Description, Dtype};
use olive_kit_gguf::plan::Target;
use olive_kit_gguf::{GgufModel, Layout};

use crate::error::WeightError;
use crate::files::ModelFiles;
use crate::rows::StoredRows;
use crate::source::WeightSource;

/// Values that are dequantized at once.
const PIECE_VALUES: usize = 1 << 20;

/// A GGUF file as the checkpoint it would be: projections apart, values in f32.
#[derive(Debug)]
pub struct GgufWeights {
    model: GgufModel,
    files: ModelFiles,
}

impl GgufWeights {
    /// As [`GgufModel::open`].
    ///
    /// # Errors
    /// As [`GgufModel::open`].
    pub fn open(path: &Path) -> Result<Self, WeightError> {
        let model = GgufModel::open(path, Layout::Llama, Dtype::F32)?;
        let files = ModelFiles::made(path, model.files()?);
        Ok(Self { model, files })
    }

    fn target(&self, name: &str) -> Result<&Target, WeightError> {
        let missing = || CheckpointError::TensorMissing {
            name: name.to_owned(),
            path: self.files.place().to_owned(),
        };
        Ok(self.model.target(name).ok_or_else(missing)?)
    }
}

impl WeightSource for GgufWeights {
    fn description(&self) -> &Description {
        self.model.description()
    }

    fn files(&self) -> &ModelFiles {
        &self.files
    }

    fn validate(&self) -> Result<(), WeightError> {
        // Opening it was.
        Ok(())
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, WeightError> {
        Ok(self.target(name)?.shape.clone())
    }

    fn rows(&self, name: &str, rows: Range<usize>) -> Result<StoredRows<'_>, WeightError> {
        let (target, dtype) = (self.target(name)?, Dtype::F32);
        let row_len = target.row_len();
        let mut bytes = Vec::with_capacity(rows.len() * row_len * dtype.size_bytes());
        let rows_at_once = (PIECE_VALUES / row_len.max(1)).max(1);
        for start in rows.clone().step_by(rows_at_once) {
            let values = self.model.rows(target, start..rows.end.min(start + rows_at_once))?;
            dtype.encode(&values, &mut bytes);
        }
        Ok(StoredRows { dtype, row_len, bytes: bytes.into() })
    }

    fn release(&self, _name: &str) {
        // Rows are read, not mapped.
    }
}
