//! Matrices in slices, and the ways in which products of them are made.

use std::ops::Range;

use crate::pack::Lanes;

/// A matrix in a slice, rows or columns any distance apart.
#[must_use]
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

/// A matrix in a slice to be written, rows any distance apart, values of a row side by side.
pub struct MatrixMut<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: usize,
}

/// What a product multiplies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// f32.
    #[default]
    F32,
    /// bf16 rounded from f32, summed in f32.
    Bf16,
}

/// What happens to the values that are already where a product goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulate {
    /// They are overwritten.
    No,
    /// The product is added.
    Yes,
}

/// Who computes a product.
#[derive(Debug, Clone, Copy)]
pub enum Threads {
    /// The calling thread.
    One,
    /// All threads of rayon's pool.
    All,
}

impl<'a> Matrix<'a> {
    /// All of `values`, row after row.
    ///
    /// # Panics
    /// When `values` has another length.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows} x {columns} matrix");
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The first `columns` of `rows` rows that start `row_stride` apart.
    ///
    /// # Panics
    /// When `values` ends before the matrix does.
    pub fn strided(values: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        let end = rows.saturating_sub(1) * row_stride + columns;
        assert!(rows == 0 || end <= values.len(), "{rows} rows {row_stride} apart fit");
        Self { values, rows, columns, row_stride, column_stride: 1 }
    }

    /// Rows `start` and later, `rows` of them.
    pub fn rows(self, start: usize, rows: usize) -> Self {
        assert!(start + rows <= self.rows && self.column_stride == 1, "rows of a matrix");
        let values = &self.values[(start * self.row_stride).min(self.values.len())..];
        Self::strided(values, rows, self.columns, self.row_stride)
    }

    /// The same values with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Number of rows.
    pub fn num_rows(self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn num_columns(self) -> usize {
        self.columns
    }

    /// Values of one row.
    ///
    /// # Panics
    /// When the matrix is transposed or has no such row.
    pub fn row(self, row: usize) -> &'a [f32] {
        assert!(row < self.rows && self.column_stride == 1, "row {row} of a matrix");
        &self.values[row * self.row_stride..][..self.columns]
    }

    /// Some rows as lanes, over some columns.
    pub(crate) fn lanes(self, rows: Range<usize>, columns: Range<usize>) -> Lanes<'a> {
        let start = rows.start * self.row_stride + columns.start * self.column_stride;
        Lanes {
            values: &self.values[start.min(self.values.len())..],
            count: rows.len(),
            inner: columns.len(),
            stride: self.row_stride,
            inner_stride: self.column_stride,
        }
    }
}

impl<'a> MatrixMut<'a> {
    /// All of `values`, row after row.
    ///
    /// # Panics
    /// When `values` has another length.
    pub fn new(values: &'a mut [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows} x {columns} matrix");
        Self { values, rows, columns, row_stride: columns }
    }

    /// The first `columns` of `rows` rows that start `row_stride` apart.
    ///
    /// # Panics
    /// When `values` ends before the matrix does, or rows overlap.
    pub fn strided(values: &'a mut [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        let end = rows.saturating_sub(1) * row_stride + columns;
        assert!(rows == 0 || end <= values.len(), "{rows} rows {row_stride} apart fit");
        assert!(columns <= row_stride, "rows of {columns} values do not overlap");
        Self { values, rows, columns, row_stride }
    }
}
