//! Matrix products on slices, through the `gemm` crate.

#![expect(unsafe_code, reason = "gemm takes pointers; this is the one place that gives it some")]

use std::ops::Range;

use gemm::Parallelism;

use crate::blocks::{self, Panels, Scratch, Target};
use crate::frozen::{Accumulate, Precision};
use crate::instructions::Instructions;
use crate::kernel::COLUMNS;
use crate::pack::{Lanes, pack};
use crate::packed::Packed;

/// A matrix in a slice, rows or columns any distance apart.
#[must_use]
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

/// A matrix in a slice to be written, rows any distance apart, values of a row side by side.
pub struct MatrixMut<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: usize,
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

/// `into = scale * left * right`
pub fn multiply(
    into: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    threads: Threads,
) {
    product(into, left, right, scale, threads, false);
}

/// `into += scale * left * right`
pub fn add_product(
    into: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    threads: Threads,
) {
    product(into, left, right, scale, threads, true);
}

/// `into = scale * left * right` in `precision`, or added to it.
pub fn multiply_in(
    precision: Precision,
    mut into: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    accumulate: Accumulate,
    threads: Threads,
) {
    let adds = accumulate == Accumulate::Yes;
    match precision {
        Precision::F32 => product(into, left, right, scale, threads, adds),
        Precision::Bf16 => {
            assert_eq!(left.columns, right.rows, "inner size of a product");
            let target = Target { scale, adds, threads };
            let instructions = Instructions::detect();
            blocks::multiply(left, &Right(right), &mut into, target, precision, instructions);
        }
    }
}

/// `into = scale * left * right` in the precision of `left`, or added to it.
pub fn multiply_packed(
    mut into: MatrixMut<'_>,
    left: &Packed,
    right: Matrix<'_>,
    scale: f32,
    accumulate: Accumulate,
    threads: Threads,
) {
    assert_eq!(left.columns(), right.rows, "inner size of a product");
    let target = Target { scale, adds: accumulate == Accumulate::Yes, threads };
    blocks::product(left, &Right(right), &mut into, target);
}

/// A right side that is packed on the way.
pub(crate) struct Right<'a>(pub(crate) Matrix<'a>);

impl Panels for Right<'_> {
    fn width(&self) -> usize {
        self.0.columns
    }

    fn panel<'a>(
        &'a self,
        left: &Packed,
        panel: usize,
        block: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> &'a [u32] {
        let columns = panel * COLUMNS..((panel + 1) * COLUMNS).min(self.0.columns);
        let into = scratch.packed.words_mut(left.inner().steps(&block) * COLUMNS);
        let source = self.0.transposed().lanes(columns, block);
        pack(left.instructions(), left.inner().words(), source, COLUMNS, into);
        into
    }

    fn ahead(&self, _panel: usize, _block: Range<usize>, _part: usize, _parts: usize) -> &[u32] {
        &[]
    }
}

fn product(
    into: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    threads: Threads,
    adds: bool,
) {
    let MatrixMut { values, rows, columns, row_stride } = into;
    let inner = left.columns;
    assert_eq!((left.rows, right.rows, right.columns), (rows, inner, columns), "shapes match");
    let parallelism = match threads {
        Threads::One => Parallelism::None,
        Threads::All => Parallelism::Rayon(rayon::current_num_threads()),
    };
    // Slices hold at most `isize::MAX` bytes, so that every stride within one fits.
    let stride = usize::cast_signed;
    // SAFETY: the constructors of `Matrix` and `MatrixMut` checked that the last value of each
    // matrix lies in its slice, and all others lie before it; `transposed` exchanges both sizes and
    // both strides. The shapes match, as just checked. `values` is borrowed by `into` alone, and its
    // rows do not overlap, because every constructor sets a row stride of at least `columns`.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            values.as_mut_ptr(),
            1,
            stride(row_stride),
            adds,
            left.values.as_ptr(),
            stride(left.column_stride),
            stride(left.row_stride),
            right.values.as_ptr(),
            stride(right.column_stride),
            stride(right.row_stride),
            1.0_f32,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::*;

    const LEFT: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // [2, 3]
    const RIGHT: [f32; 6] = [1.0, 0.0, 2.0, 1.0, 0.0, 3.0]; // [3, 2]

    #[test]
    fn products_scale_and_add() {
        let (left, right) = (Matrix::new(&LEFT, 2, 3), Matrix::new(&RIGHT, 3, 2));
        let mut into = [1.0; 4];
        multiply(MatrixMut::new(&mut into, 2, 2), left, right, 2.0, Threads::One);
        assert_eq!(into, [10.0, 22.0, 28.0, 46.0]);
        add_product(MatrixMut::new(&mut into, 2, 2), left, right, -1.0, Threads::All);
        assert_eq!(into, [5.0, 11.0, 14.0, 23.0]);
    }

    #[test]
    fn transposed_and_strided_matrices_are_read_in_place() {
        let left = Matrix::new(&LEFT, 3, 2).transposed(); // 1 3 5 / 2 4 6
        let right = Matrix::strided(&RIGHT[1..], 3, 1, 2); // 0 1 3
        let mut into = [0.0; 2];
        multiply(MatrixMut::new(&mut into, 2, 1), left, right, 1.0, Threads::One);
        assert_eq!(into, [18.0, 22.0]);
        assert_eq!(Matrix::new(&LEFT, 3, 2).rows(1, 2).row(1), [5.0, 6.0]);
    }

    #[test]
    #[should_panic(expected = "2 rows 6 apart fit")]
    fn a_matrix_beyond_its_slice_is_refused() {
        let _ = Matrix::strided(&LEFT, 2, 3, 6);
    }
}
