//! `W + scale * B A`, a few rows at a time.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::ArrayView2;
use ndarray::linalg::general_mat_mul;
use olive_kit_checkpoint::{LoraPair, Tensor};
use rayon::prelude::*;

/// Rows that one thread merges at once; fixed, so that threads do not change a bit.
const BLOCK_ROWS: usize = 64;

/// What an adapter adds to a weight: `scale * B A`, as its factors.
#[derive(Debug)]
pub struct Delta<'a> {
    /// `A`, `[rank, in_features]`.
    a: Cow<'a, [f32]>,
    /// `B`, `[out_features, rank]`.
    b: Cow<'a, [f32]>,
    rank: usize,
    in_features: usize,
    scale: f32,
}

impl<'a> Delta<'a> {
    /// The delta of these factors, in `f32`.
    pub fn new(pair: &LoraPair<'a>) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the product is computed in f32")]
        let scale = pair.scale as f32;
        Self {
            a: pair.a.to_f32(),
            b: pair.b.to_f32(),
            rank: pair.a.num_rows(),
            in_features: pair.a.row_len(),
            scale,
        }
    }

    /// Some rows of `weight`, `[out_features, in_features]`, with the delta added, as stored bytes
    /// of the weight's type in consecutive pieces.
    ///
    /// Runs on the threads of the current pool.
    ///
    /// # Panics
    /// When a row is past the end, or the weight's shape is not the delta's.
    pub fn merged(&self, weight: &Tensor<'_>, rows: Range<usize>) -> Vec<Vec<u8>> {
        assert_eq!(weight.row_len(), self.in_features, "a weight of the delta's shape");
        let blocks = rows.clone().into_par_iter().step_by(BLOCK_ROWS);
        let blocks = blocks.map(|start| start..(start + BLOCK_ROWS).min(rows.end));
        blocks.map(|rows| self.merged_block(weight, rows)).collect()
    }

    fn merged_block(&self, weight: &Tensor<'_>, rows: Range<usize>) -> Vec<u8> {
        let mut values = weight.rows_f32(rows.clone()).into_owned();
        self.add_to(&mut values, rows);
        let mut bytes = Vec::with_capacity(values.len() * weight.dtype.size_bytes());
        weight.dtype.encode(&values, &mut bytes);
        bytes
    }

    /// Adds rows of the delta to `values`, `[rows, in_features]`.
    fn add_to(&self, values: &mut [f32], rows: Range<usize>) {
        let b = &self.b[rows.start * self.rank..rows.end * self.rank];
        let b = matrix(b, rows.len(), self.rank);
        let a = matrix(&self.a, self.rank, self.in_features);
        let mut values = ndarray::ArrayViewMut2::from_shape((rows.len(), self.in_features), values)
            .expect("as many values as the rows have");
        general_mat_mul(self.scale, &b, &a, 1.0, &mut values);
    }
}

fn matrix(values: &[f32], rows: usize, columns: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((rows, columns), values).expect("as many values as the shape holds")
}

#[cfg(test)]
mod tests {
    use olive_kit_checkpoint::Dtype;

    use super::*;

    #[test]
    fn the_delta_is_scale_times_b_a() {
        let bytes =
            |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
        let (a, b) = (bytes(&[1.0, 2.0, 3.0]), bytes(&[1.0, -1.0]));
        let weight = bytes(&[0.5, 0.5, 0.5, 10.0, 20.0, 30.0]);
        let tensor = |name, shape, bytes| Tensor { name, dtype: Dtype::F32, shape, bytes };
        let pair =
            LoraPair { a: tensor("a", &[1, 3], &a), b: tensor("b", &[2, 1], &b), scale: 2.0 };
        let merged = Delta::new(&pair).merged(&tensor("w", &[2, 3], &weight), 0..2);
        assert_eq!(merged.concat(), bytes(&[2.5, 4.5, 6.5, 8.0, 16.0, 24.0]));
    }
}
