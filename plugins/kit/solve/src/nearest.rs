//! Round to nearest (RTN), as Olive's `Rtn` does it.

use olive_kit_kernels::vector::vectorized;
use rayon::prelude::*;

use crate::error::SolveError;
use crate::grid::{Coded, Grid, Step, byte, check};

/// Codes of a weight `[n, k]`, each rounded to the nearest step of its group.
///
/// Scale and zero point span the group's weights and zero, in f32; halves are rounded to even.
///
/// # Errors
/// When there is no such grid, its group size does not divide `k`, or a weight is not finite.
pub fn nearest(weight: &[f32], n: usize, k: usize, grid: Grid) -> Result<Coded, SolveError> {
    encode(weight, n, k, grid, |_, weights| {
        let (min, max) = range(weights);
        grid.step(min, max)
    })
}

/// Codes of a weight whose groups, counted over all rows, have the steps that `step` finds.
pub(crate) fn encode(
    weight: &[f32],
    n: usize,
    k: usize,
    grid: Grid,
    step: impl Fn(usize, &[f32]) -> Step + Sync,
) -> Result<Coded, SolveError> {
    check(weight, n, k, grid)?;
    let mut coded = Coded::zeroed(grid, n, k)?;
    let (len, last_code) = (grid.group_len(k), grid.last_code());
    let groups = weight.par_chunks_exact(len).zip(coded.codes.par_chunks_exact_mut(len));
    let steps = coded.scales.par_iter_mut().zip(&mut coded.zero_points);
    groups.zip(steps).enumerate().for_each(|(group, ((weights, codes), (scale, zero_point)))| {
        let step = step(group, weights);
        vectorized(|| {
            for (code, &weight) in codes.iter_mut().zip(weights) {
                *code = byte(step.code(weight, last_code));
            }
        });
        (*scale, *zero_point) = (step.scale, byte(step.zero_point));
    });
    Ok(coded)
}

/// Smallest and largest of zero and `weights`.
pub(crate) fn range(weights: &[f32]) -> (f32, f32) {
    weights.iter().fold((0.0, 0.0), |(min, max), &weight| {
        (if weight < min { weight } else { min }, if weight > max { weight } else { max })
    })
}
