//! The trait of all sources.

use std::fmt::Debug;
use std::ops::Range;

use olive_kit_checkpoint::{Description, Linear, PackedLayer, PackedRows};

use crate::error::WeightError;
use crate::files::ModelFiles;
use crate::rows::StoredRows;

/// A decoder model, in the form of a checkpoint: weights by the names of
/// [`Decoder`](olive_kit_checkpoint::Decoder).
///
/// Rows are read when they are asked for, on the threads of the current rayon pool, whose number
/// changes no bit. Who asks for one weight at a time and releases it has one weight in memory.
pub trait WeightSource: Debug + Send + Sync {
    /// What the model is.
    fn description(&self) -> &Description;

    /// The model's other files.
    fn files(&self) -> &ModelFiles;

    /// Checks that every tensor of the decoder is there with its shape.
    ///
    /// # Errors
    /// What is missing or has another shape.
    fn validate(&self) -> Result<(), WeightError>;

    /// Sizes of the tensor called `name`, slowest first.
    ///
    /// # Errors
    /// When there is none.
    fn shape(&self, name: &str) -> Result<Vec<usize>, WeightError>;

    /// Some rows of the tensor called `name`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    ///
    /// # Panics
    /// When a row is past the end.
    fn rows(&self, name: &str, rows: Range<usize>) -> Result<StoredRows<'_>, WeightError>;

    /// All rows of the tensor called `name`; its values where it has one size.
    ///
    /// # Errors
    /// As [`WeightSource::rows`].
    fn tensor(&self, name: &str) -> Result<StoredRows<'_>, WeightError> {
        let num_rows = self.shape(name)?.first().copied().unwrap_or(1);
        self.rows(name, 0..num_rows)
    }

    /// How the layer at this module path is packed, where it is stored as codes that are written as
    /// they are.
    fn packed(&self, _path: &str) -> Option<&PackedLayer> {
        None
    }

    /// Some rows of a layer that is packed; `None` of others.
    ///
    /// # Errors
    /// When they cannot be read.
    ///
    /// # Panics
    /// When a row is past the end.
    fn packed_rows(
        &self,
        _linear: &Linear,
        _rows: Range<usize>,
    ) -> Result<Option<PackedRows>, WeightError> {
        Ok(None)
    }

    /// Rank of an adapter of the layer at this module path that stays beside it; the source has its
    /// matrices too.
    fn adapter_rank(&self, _path: &str) -> Option<usize> {
        None
    }

    /// Gives memory that holds a tensor's stored values back to the system, or the codes of the
    /// packed layer at this module path; they are read again when asked for.
    fn release(&self, name: &str);
}
