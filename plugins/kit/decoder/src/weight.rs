//! Frozen weights, as f32 in memory.

use std::sync::Arc;

use olive_kit_checkpoint::{Checkpoint, CheckpointError};

use crate::ops::rms_norm::RmsNorm;
use olive_kit_kernels::product::Matrix;

/// A weight of a linear layer or an embedding, `[rows, columns]`.
#[derive(Debug)]
pub(crate) struct Weight {
    values: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Weight {
    /// The matrix called `name`, converted to f32.
    pub(crate) fn load(checkpoint: &Checkpoint, name: &str) -> Result<Self, CheckpointError> {
        let stored = checkpoint.tensor(name)?;
        let (rows, columns) = (stored.num_rows(), stored.row_len());
        Ok(Self { values: stored.to_f32().into_owned(), rows, columns })
    }

    #[cfg(test)]
    pub(crate) fn new(values: Vec<f32>, rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns);
        Self { values, rows, columns }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    pub(crate) fn matrix(&self) -> Matrix<'_> {
        Matrix::new(&self.values, self.rows, self.columns)
    }
}

/// The norm whose weight is called `name`.
pub(crate) fn norm(checkpoint: &Checkpoint, name: &str) -> Result<RmsNorm, CheckpointError> {
    let weight = checkpoint.tensor(name)?.to_f32().into_owned();
    Ok(RmsNorm::new(Arc::new(weight), checkpoint.decoder().norm_epsilon))
}
