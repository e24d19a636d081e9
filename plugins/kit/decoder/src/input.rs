//! Rows that several products read.

use olive_kit_kernels::{Accumulate, Matrix, Packed, Precision, Threads};

/// The left side of products, `[rows, width]`, packed once for all of them.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) packed: Packed,
    width: usize,
}

/// Where the gradient of an input goes.
pub(crate) type InputGradient<'a> = Option<(&'a mut [f32], Accumulate)>;

impl<'a> Input<'a> {
    /// Packs `values` for products in `precision`.
    pub(crate) fn new(values: &'a [f32], width: usize, precision: Precision) -> Self {
        let matrix = Matrix::new(values, values.len() / width, width);
        Self { values, packed: Packed::new(matrix, precision, Threads::All), width }
    }

    pub(crate) fn rows(&self) -> usize {
        self.packed.rows()
    }

    pub(crate) fn matrix(&self) -> Matrix<'a> {
        Matrix::new(self.values, self.rows(), self.width)
    }
}
