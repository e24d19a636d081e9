//! Checkpoints with an adapter, or in 4 bits.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use olive_kit_checkpoint::Description;
use olive_kit_merge::Merge;
use serde_json::Value;

use crate::error::WeightError;
use crate::files::ModelFiles;
use crate::rows::StoredRows;
use crate::source::WeightSource;

/// A checkpoint as it would be with its adapter merged and its codes made floats: rows are
/// computed when they are asked for, and rounded to the type in which they would be stored.
#[derive(Debug)]
pub struct MergedWeights {
    merge: Merge,
    description: Description,
    files: ModelFiles,
}

impl MergedWeights {
    /// As [`Merge::open`].
    ///
    /// # Errors
    /// As [`Merge::open`].
    pub fn open(
        model: &Path,
        adapter: Option<&Path>,
        attributes: &BTreeMap<String, Value>,
    ) -> Result<Self, WeightError> {
        let merge = Merge::open(model, adapter, attributes)?;
        let config = merge.config().map(|text| ("config.json", text));
        let (description, files) = (merge.description(), ModelFiles::made(model, config));
        Ok(Self { merge, description, files })
    }
}

impl WeightSource for MergedWeights {
    fn description(&self) -> &Description {
        &self.description
    }

    fn files(&self) -> &ModelFiles {
        &self.files
    }

    fn validate(&self) -> Result<(), WeightError> {
        // Opening it was.
        Ok(())
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, WeightError> {
        Ok(self.merge.part(name)?.shape)
    }

    fn rows(&self, name: &str, rows: Range<usize>) -> Result<StoredRows<'_>, WeightError> {
        let part = self.merge.part(name)?;
        let bytes = self.merge.weight(&part)?.rows(rows);
        Ok(StoredRows { dtype: part.dtype, row_len: part.row_len(), bytes })
    }

    fn release(&self, name: &str) {
        self.merge.release(name);
    }
}
