//! A stored tensor: a view of mapped bytes that converts when asked.

use std::borrow::Cow;
use std::ops::Range;

use crate::dtype::Dtype;

/// A stored tensor, still in the mapped file.
#[derive(Debug, Clone, Copy)]
pub struct Tensor<'a> {
    /// Name in the file.
    pub name: &'a str,
    /// Type of the values.
    pub dtype: Dtype,
    /// Sizes, slowest first.
    pub shape: &'a [usize],
    /// Values in row-major order, little-endian.
    pub bytes: &'a [u8],
}

impl<'a> Tensor<'a> {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of rows: the first size, 1 for a scalar.
    pub fn num_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Values in a row: the product of all sizes but the first.
    pub fn row_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// All values; borrowed when they are aligned `f32` already.
    pub fn to_f32(&self) -> Cow<'a, [f32]> {
        self.dtype.decode(self.bytes)
    }

    /// The values of some rows; borrowed when they are aligned `f32` already.
    ///
    /// # Panics
    /// When a row is past the end.
    pub fn rows_f32(&self, rows: Range<usize>) -> Cow<'a, [f32]> {
        self.dtype.decode(self.rows_bytes(rows))
    }

    /// The stored bytes of some rows.
    ///
    /// # Panics
    /// When a row is past the end.
    pub fn rows_bytes(&self, rows: Range<usize>) -> &'a [u8] {
        let row_bytes = self.row_len() * self.dtype.size_bytes();
        &self.bytes[rows.start * row_bytes..rows.end * row_bytes]
    }
}
