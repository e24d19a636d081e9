//! A linear layer whose weight gets no gradient.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::values::{borrow, gradient, input, output};
use crate::weight::Weight;
use olive_kit_kernels::product::{Matrix, MatrixMut, Threads, multiply};
use olive_kit_kernels::vector::{PARALLEL_LEN, dot, vectorized};

/// `y = x W^T`
#[derive(Debug)]
pub(crate) struct FrozenLinear {
    weight: Arc<Weight>,
}

impl FrozenLinear {
    pub(crate) fn new(weight: Arc<Weight>) -> Self {
        Self { weight }
    }
}

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = input(storage, layout)?;
        let rows = check_width(layout.dims(), self.weight.columns())?;
        Ok(output(forward(&self.weight, x, rows), (rows, self.weight.rows())))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        gradient(backward(&self.weight, &borrow(dy)?), x).map(Some)
    }
}

/// Rows of an input, which must have this width.
pub(super) fn check_width(dims: &[usize], width: usize) -> Result<usize> {
    match *dims {
        [rows, columns] if columns == width => Ok(rows),
        _ => candle_core::bail!("an input of shape {dims:?} for a layer of width {width}"),
    }
}

/// `x W^T`, `[rows, out_features]`
pub(super) fn forward(weight: &Weight, x: &[f32], rows: usize) -> Vec<f32> {
    let mut y = vec![0.0; rows * weight.rows()];
    if rows == 1 {
        multiply_vector(weight, x, &mut y);
        return y;
    }
    let into = MatrixMut::new(&mut y, rows, weight.rows());
    let x = Matrix::new(x, rows, weight.columns());
    multiply(into, x, weight.matrix().transposed(), 1.0, Threads::All);
    y
}

/// `dy W`, `[rows, in_features]`
pub(super) fn backward(weight: &Weight, dy: &[f32]) -> Vec<f32> {
    let rows = dy.len() / weight.rows();
    let mut dx = vec![0.0; rows * weight.columns()];
    let into = MatrixMut::new(&mut dx, rows, weight.columns());
    let dy = Matrix::new(dy, rows, weight.rows());
    multiply(into, dy, weight.matrix(), 1.0, Threads::All);
    dx
}

/// `W x`: one pass over the weight, which is what a step of generation waits for.
fn multiply_vector(weight: &Weight, x: &[f32], y: &mut [f32]) {
    let at_once = (4 * PARALLEL_LEN).div_ceil(weight.columns());
    y.par_chunks_mut(at_once).enumerate().for_each(|(chunk, y)| {
        vectorized(|| {
            for (row, y) in (chunk * at_once..).zip(y) {
                *y = dot(weight.row(row), x);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::finite_differences::{check, random};

    fn weight() -> Arc<Weight> {
        Arc::new(Weight::new(random(5 * 7, 3), 5, 7))
    }

    #[test]
    fn the_gradient_is_the_slope() {
        check(&[&[4, 7]], |x| x[0].apply_op1(FrozenLinear::new(weight())));
    }

    #[test]
    fn one_row_is_computed_as_many_are() {
        let (weight, x) = (weight(), random(2 * 7, 4));
        let both = forward(&weight, &x, 2);
        let each = [forward(&weight, &x[..7], 1), forward(&weight, &x[7..], 1)].concat();
        assert!(both.iter().zip(&each).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}
