//! The triangular factor of a damped Gram matrix.
//!
//! `H = R R^T` with `R` upper triangular: the Cholesky factor of `H` with its inputs in reverse
//! order. Column by column from the left, it says how the errors of earlier inputs move an input's
//! best weight; `R^-1` is the upper factor of `H^-1` that GPTQ is written with, and never needed.
//!
//! Blocks on the diagonal are factored in f64, all else is products in f32: `H` is changed in
//! place, and nothing of its size is copied.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use nalgebra::{Cholesky, DMatrix};
use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Packed, Precision, Threads};
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::error::SolveError;
use crate::moments::Moments;

/// Inputs that are factored at once, by one thread, at least and at most: a share of all, since that
/// takes their square for each input, and products go over what is left once for each block.
const BLOCKS: [usize; 2] = [64, 256];

/// Blocks that there are otherwise, about.
const NUM_BLOCKS: usize = 32;

/// Rows of what is left that are multiplied at once, from the diagonal on.
const STRIP: usize = 256;

/// The least share that damping is raised to.
const LEAST_DAMPING: f64 = 1e-4;

/// A larger share is not tried: the diagonal then says more than the inputs do.
const MOST_DAMPING: f64 = 1.0;

/// What must be left of a diagonal entry when the inputs behind it are accounted for.
const LEAST_PIVOT: f32 = 16.0 * f32::EPSILON;

/// The factor of a Gram matrix, and what it took.
pub(crate) struct Factor {
    /// `R`, `[k, k]`; what is below the diagonal means nothing.
    pub(crate) values: Vec<f32>,
    /// Share of the mean diagonal that was added to it.
    pub(crate) damping: f64,
    /// How often that share was raised.
    pub(crate) num_raised: usize,
}

/// Factors the Gram matrix with `inputs` in that order and `damping` times the mean of its diagonal
/// added to it; raised tenfold as long as there is no factor.
///
/// An input that was always zero has the mean on the diagonal, and the mean is that of the others.
pub(crate) fn factor(
    moments: &Moments,
    inputs: &[u32],
    damping: f64,
) -> Result<Factor, SolveError> {
    let diagonal = inputs.iter().map(|&input| f64::from(moments.diagonal(input as usize)));
    let live = diagonal.clone().filter(|&value| value > 0.0).count();
    let mean = diagonal.sum::<f64>() / live.max(1) as f64;
    let mut values = vec![0.0; inputs.len() * inputs.len()];
    let (mut tried, mut num_raised) = (damping, 0);
    loop {
        fill(&mut values, moments, inputs, mean, tried);
        if cholesky(&mut values, inputs.len()).is_some() {
            return Ok(Factor { values, damping: tried, num_raised });
        }
        if tried >= MOST_DAMPING {
            return Err(SolveError::Singular { damping: tried });
        }
        tried = (tried * 10.0).clamp(LEAST_DAMPING, MOST_DAMPING);
        num_raised += 1;
    }
}

/// Writes the upper triangle.
fn fill(values: &mut [f32], moments: &Moments, inputs: &[u32], mean: f64, damping: f64) {
    let rows = values.par_chunks_mut(inputs.len().max(1)).enumerate();
    rows.for_each(|(row, values)| {
        let first = inputs[row] as usize;
        for (value, &second) in values[row..].iter_mut().zip(&inputs[row..]) {
            *value = moments.gram(first, second as usize);
        }
        let live = f64::from(values[row]);
        let live = if live > 0.0 { live } else { mean };
        #[expect(clippy::cast_possible_truncation, reason = "the matrix is f32")]
        let diagonal = (live + damping * mean) as f32;
        values[row] = diagonal;
    });
}

/// Makes the upper triangle of `h`, `[k, k]`, its factor, from the last block to the first; none
/// when the matrix is not positive, or so nearly not that its factor is rounding errors.
fn cholesky(h: &mut [f32], k: usize) -> Option<()> {
    let diagonal: Vec<f32> = (0..k).map(|at| h[at * k + at]).collect();
    let block = (k / NUM_BLOCKS).next_power_of_two().clamp(BLOCKS[0], BLOCKS[1]);
    for start in (0..k).step_by(block).rev() {
        let width = block.min(k - start);
        let lower = Cholesky::new(reversed(h, k, start, width))?.unpack();
        for row in 0..width {
            for column in row..width {
                #[expect(clippy::cast_possible_truncation, reason = "the factor is f32")]
                let value = lower[(width - 1 - row, width - 1 - column)] as f32;
                h[(start + row) * k + start + column] = value;
            }
        }
        if start > 0 {
            let panel = solve_panel(h, k, start, &lower);
            subtract_squares(h, k, start, &panel);
        }
    }
    let is_regular = |(at, value): (usize, &f32)| h[at * k + at].powi(2) >= LEAST_PIVOT * value;
    diagonal.iter().enumerate().all(is_regular).then_some(())
}

/// The block on the diagonal, its inputs in reverse order.
fn reversed(h: &[f32], k: usize, start: usize, width: usize) -> DMatrix<f64> {
    DMatrix::from_fn(width, width, |row, column| {
        let (row, column) = (width - 1 - row, width - 1 - column);
        f64::from(h[(start + row.min(column)) * k + start + row.max(column)])
    })
}

/// Solves for the part of the factor above a block, `H R^-T`; `[start, width]`.
fn solve_panel(h: &mut [f32], k: usize, start: usize, lower: &DMatrix<f64>) -> Vec<f32> {
    let width = lower.nrows();
    let inverse = pulp::Arch::new().dispatch(Inverse(lower));
    let reversed = |at: usize| inverse[(width - 1 - at % width) * width + width - 1 - at / width];
    #[expect(clippy::cast_possible_truncation, reason = "products are in f32")]
    let transposed: Vec<f32> = (0..width * width).map(|at| reversed(at) as f32).collect();
    let mut panel = vec![0.0; start * width];
    let left = Matrix::strided(&h[start..], start, width, k);
    let left = Packed::new(left, Precision::F32, Threads::All);
    let right = Matrix::new(&transposed, width, width);
    let into = MatrixMut::new(&mut panel, start, width);
    multiply_packed(into, &left, right, 1.0, Accumulate::No, Threads::All);
    for (row, solved) in h.chunks_exact_mut(k).zip(panel.chunks_exact(width)) {
        row[start..start + width].copy_from_slice(solved);
    }
    panel
}

/// The inverse of a lower triangle, row after row; compiled for the processor's vectors.
struct Inverse<'a>(&'a DMatrix<f64>);

impl NullaryFnOnce for Inverse<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn call(self) -> Vec<f64> {
        let Self(lower) = self;
        let width = lower.nrows();
        let mut inverse = vec![0.0; width * width];
        for row in 0..width {
            let (above, rest) = inverse.split_at_mut(row * width);
            let into = &mut rest[..=row];
            for (other, values) in above.chunks_exact(width).enumerate() {
                let factor = lower[(row, other)];
                for (into, value) in into.iter_mut().zip(&values[..=other]) {
                    *into -= factor * value;
                }
            }
            into[row] = 1.0;
            let diagonal = lower[(row, row)];
            for into in into {
                *into /= diagonal;
            }
        }
        inverse
    }
}

/// Takes from the upper triangle of what is left, `[start, start]`, what the panel accounts for.
fn subtract_squares(h: &mut [f32], k: usize, start: usize, panel: &[f32]) {
    let width = panel.len() / start;
    for first in (0..start).step_by(STRIP) {
        let (height, rest) = (STRIP.min(start - first), start - first);
        let panel = Matrix::strided(&panel[first * width..], rest, width, width);
        let left = Packed::new(panel.rows(0, height), Precision::F32, Threads::All);
        let into = MatrixMut::strided(&mut h[first * k + first..], height, rest, k);
        multiply_packed(into, &left, panel.transposed(), -1.0, Accumulate::Yes, Threads::All);
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    /// A matrix that is surely positive definite, of `k` inputs.
    fn matrix(k: usize) -> Vec<f32> {
        let value = |at: usize| ((at * 7919) % 1021) as f32 / 1021.0 - 0.5;
        let x: Vec<f32> = (0..2 * k * k).map(value).collect();
        let entry = |row: usize, column: usize| {
            let pairs = x.chunks_exact(k).map(|token| token[row] * token[column]);
            pairs.sum::<f32>() + if row == column { 0.1 * k as f32 } else { 0.0 }
        };
        (0..k * k).map(|at| entry(at / k, at % k)).collect()
    }

    #[test]
    fn the_factor_times_itself_is_the_matrix() {
        for k in [1, 5, 64, 300] {
            let expected = matrix(k);
            let mut factor = expected.clone();
            cholesky(&mut factor, k).unwrap();
            let largest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
            for row in 0..k {
                for column in row..k {
                    let products = (column..k).map(|at| {
                        f64::from(factor[row * k + at]) * f64::from(factor[column * k + at])
                    });
                    let difference = products.sum::<f64>() - f64::from(expected[row * k + column]);
                    assert!(difference.abs() < 1e-5 * f64::from(largest), "{k} {row} {column}");
                }
            }
        }
    }

    #[test]
    fn a_triangle_times_its_inverse_is_one() {
        let width = 7;
        let value = |row: usize, column: usize| match row.cmp(&column) {
            Ordering::Less => 0.0,
            Ordering::Equal => 2.0 + row as f64,
            Ordering::Greater => (row * 3 + column) as f64 / 10.0 - 0.7,
        };
        let lower = DMatrix::from_fn(width, width, value);
        let inverse = DMatrix::from_row_slice(width, width, &Inverse(&lower).call());
        let difference = lower * inverse - DMatrix::identity(width, width);
        assert!(difference.amax() < 1e-12, "{difference}");
    }

    #[test]
    fn a_matrix_that_is_not_positive_has_no_factor() {
        assert!(cholesky(&mut [1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(cholesky(&mut [1.0, 1.0, 1.0, 1.0], 2).is_none());
        assert!(cholesky(&mut [1.0, 0.999, 0.999, 1.0], 2).is_some());
    }
}
