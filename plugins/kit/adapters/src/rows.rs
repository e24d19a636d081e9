//! What adapters make of a weight, a few rows at a time.
//!
//! Rows come in blocks of [`BLOCK_ROWS`], aligned to it, each computed by one thread; so the number
//! of threads changes no bit.

use std::ops::Range;

use olive_kit_kernels::product::{add_product, multiply};
use olive_kit_kernels::{Matrix, MatrixMut, Threads};

use crate::adapters::{Adapters, Factor, Layer, Method};

/// Rows that are computed at once.
pub const BLOCK_ROWS: usize = 64;

impl Adapters {
    /// Makes rows of a weight, `[rows, in_features]`, those of the adapted weight:
    /// `W + scale B A` and the like, and with `DoRA` `m / ‖W + scale B A‖` times it, row by row.
    ///
    /// # Panics
    /// When a row is past the end, or `values` has another length.
    pub fn adapt_rows(&self, layer: &Layer, rows: Range<usize>, values: &mut [f32]) {
        self.add_delta(layer, rows.clone(), values);
        if let Method::Lora { magnitude: Some(magnitude), .. } = layer.method {
            let row_len = values.len() / rows.len().max(1);
            let magnitudes = &self.values(magnitude)[rows];
            for (row, magnitude) in values.chunks_mut(row_len.max(1)).zip(magnitudes) {
                let factor = magnitude / norm(row);
                for value in row {
                    *value *= factor;
                }
            }
        }
    }

    /// Adds rows of what `layer` adds to its weight.
    pub(crate) fn add_delta(&self, layer: &Layer, rows: Range<usize>, values: &mut [f32]) {
        #[expect(clippy::cast_possible_truncation, reason = "products are computed in f32")]
        let scale = layer.scale as f32;
        let num_rows = rows.len();
        let part = |id, rows: Range<usize>| {
            let matrix = self.matrix(id);
            matrix.rows(rows.start, rows.len())
        };
        match &layer.method {
            Method::Lora { a, b, .. } => {
                let a = self.matrix(*a);
                let into = MatrixMut::new(values, num_rows, a.num_columns());
                add_product(into, part(*b, rows), a, scale, Threads::One);
            }
            Method::Loha { w1_a, w1_b, w2_a, w2_b } => {
                let (mut left, mut right) = (vec![0.0; values.len()], vec![0.0; values.len()]);
                for (into, a, b) in [(&mut left, w1_a, w1_b), (&mut right, w2_a, w2_b)] {
                    let b = self.matrix(*b);
                    let into = MatrixMut::new(into, num_rows, b.num_columns());
                    multiply(into, part(*a, rows.clone()), b, 1.0, Threads::One);
                }
                for ((value, left), right) in values.iter_mut().zip(left).zip(right) {
                    *value += left * right * scale;
                }
            }
            Method::Lokr { w1, w2 } => self.add_kronecker(w1, w2, scale, rows, values),
        }
    }

    /// Adds rows of `scale W1 ⊗ W2`: row `i` is made of row `i / out_2` of `W1` and row
    /// `i mod out_2` of `W2`.
    fn add_kronecker(
        &self,
        w1: &Factor,
        w2: &Factor,
        scale: f32,
        rows: Range<usize>,
        values: &mut [f32],
    ) {
        let (rows_2, columns_2) = self.shape(w2);
        let columns = self.shape(w1).1 * columns_2;
        assert_eq!(values.len(), rows.len() * columns, "rows of the layer");
        let (mut left, mut right) = (vec![0.0; self.shape(w1).1], vec![0.0; columns_2]);
        for (row, values) in rows.zip(values.chunks_mut(columns)) {
            self.factor_row(w1, row / rows_2, &mut left);
            self.factor_row(w2, row % rows_2, &mut right);
            for (left, values) in left.iter().zip(values.chunks_mut(columns_2)) {
                for (value, right) in values.iter_mut().zip(&right) {
                    *value += left * right * scale;
                }
            }
        }
    }

    /// Writes one row of a matrix that may be a product.
    fn factor_row(&self, factor: &Factor, row: usize, into: &mut [f32]) {
        match factor {
            Factor::Whole(id) => into.copy_from_slice(self.matrix(*id).row(row)),
            Factor::Product(a, b) => {
                let b = self.matrix(*b);
                into.fill(0.0);
                for (inner, weight) in self.matrix(*a).row(row).iter().enumerate() {
                    into.iter_mut().zip(b.row(inner)).for_each(|(into, b)| *into += weight * b);
                }
            }
        }
    }

    /// Rows and columns of a matrix that may be a product.
    fn shape(&self, factor: &Factor) -> (usize, usize) {
        match factor {
            Factor::Whole(id) => (self.matrix(*id).num_rows(), self.matrix(*id).num_columns()),
            Factor::Product(a, b) => (self.matrix(*a).num_rows(), self.matrix(*b).num_columns()),
        }
    }

    fn matrix(&self, id: crate::ParameterId) -> Matrix<'_> {
        let parameter = self.parameter(id);
        Matrix::new(&parameter.values, parameter.shape[0], parameter.shape[1])
    }
}

/// Euclidean norm, summed in f64.
pub(crate) fn norm(values: &[f32]) -> f32 {
    let square: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
    #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
    let norm = square.sqrt() as f32;
    norm
}
