//! Some rows of a weight.

use std::borrow::Cow;
use std::ops::Range;

use olive_kit_checkpoint::{Dtype, Tensor};

/// Some rows of a weight as a checkpoint stores them: lent from a file, or made.
#[derive(Debug, Clone)]
pub struct StoredRows<'a> {
    /// Type of the values.
    pub dtype: Dtype,
    /// Values in a row.
    pub row_len: usize,
    /// Values in row-major order, little-endian.
    pub bytes: Cow<'a, [u8]>,
}

impl<'a> StoredRows<'a> {
    /// These rows of a tensor of a checkpoint.
    pub(crate) fn of(tensor: &Tensor<'a>, rows: Range<usize>) -> Self {
        let (dtype, row_len) = (tensor.dtype, tensor.row_len());
        Self { dtype, row_len, bytes: tensor.rows_bytes(rows).into() }
    }
}

impl StoredRows<'_> {
    /// All values; borrowed when they are aligned `f32` already.
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        self.dtype.decode(&self.bytes)
    }

    /// Writes the values of one row into `values`.
    ///
    /// # Panics
    /// When the row is past the end, or `values` has another length.
    pub fn decode_row(&self, row: usize, values: &mut [f32]) {
        let row_bytes = self.row_len * self.dtype.size_bytes();
        self.dtype.decode_into(&self.bytes[row * row_bytes..][..row_bytes], values);
    }
}
