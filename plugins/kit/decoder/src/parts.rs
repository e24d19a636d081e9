//! Outputs of projections that belong together, in one buffer or in several.

use olive_kit_kernels::Matrix;

use crate::rows::fit;

/// Columns of query, key and value, or of gate and up: one buffer where the family fuses them, one
/// each where it does not. Columns are counted over all of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    /// `[rows, width]` each.
    pub(crate) buffers: Vec<Vec<f32>>,
    pub(crate) widths: Vec<usize>,
}

impl Parts {
    /// Makes room for `rows` rows in buffers of these widths.
    pub(crate) fn fit(&mut self, rows: usize, widths: impl IntoIterator<Item = usize>) {
        self.widths.clear();
        self.widths.extend(widths);
        self.buffers.resize_with(self.widths.len(), Vec::new);
        for (buffer, width) in self.buffers.iter_mut().zip(&self.widths) {
            fit(buffer, rows * width);
        }
    }

    /// The buffer that holds `column`, and the column within it.
    pub(crate) fn place(&self, mut column: usize) -> (usize, usize) {
        for (index, &width) in self.widths.iter().enumerate() {
            if column < width {
                return (index, column);
            }
            column -= width;
        }
        unreachable!("columns lie in a buffer")
    }

    /// Some columns, all in one buffer, of one row.
    pub(crate) fn columns(&self, row: usize, column: usize, width: usize) -> &[f32] {
        let (part, column) = self.place(column);
        &self.buffers[part][row * self.widths[part] + column..][..width]
    }

    /// Some columns, all in one buffer, of some rows.
    pub(crate) fn matrix(
        &self,
        (first, rows): (usize, usize),
        column: usize,
        width: usize,
    ) -> Matrix<'_> {
        let (part, column) = self.place(column);
        let stride = self.widths[part];
        Matrix::strided(&self.buffers[part][first * stride + column..], rows, width, stride)
    }
}
