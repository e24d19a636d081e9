//! GPTQ (Frantar, Ashkboos, Hoefler, Alistarh 2023): inputs are rounded one after the other, and
//! those that follow are moved so that the outputs change least.
//!
//! With the damped Gram matrix `H = R R^T`, `R` upper triangular, and the differences `d` of the
//! weights and their codes, the best weight of input `j` after those before it is
//!
//! ```text
//! w_j + (Σ_{i<j} d_i R_ij) / R_jj
//! ```
//!
//! which is what the paper's update with the factor `U = R^-1` of `H^-1` comes to, without inverting
//! anything. The sums of later inputs are brought up to date once a block, by a product: those of the
//! blocks next to it at once, those of all others a few blocks later.
//!
//! - **Damping**: a share of the mean diagonal is added to it, more if there is no factor.
//! - **Dead inputs**, which were always zero, get weights of zero; they move nothing.
//! - **Groups**: scale and zero point of a group are found when its first input is due, from the
//!   weights as they then are, those of the same block included (`GPTQ`'s own code leaves these
//!   out); or from the original weights, where groups are static.
//! - **`desc_act`**: inputs go by falling diagonal. Groups then are runs of that order, and
//!   [`Coded::order`] tells the group of each input, unless they are static.

pub(crate) mod hessian;
mod block;
mod steps;

use std::ops::Range;

use rayon::prelude::*;

use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Packed, Precision, Threads};

use crate::error::SolveError;
use crate::grid::{Coded, Grid, check};
use crate::lanes::{LANES, Steps};
use crate::moments::Moments;
use crate::nearest::nearest;
use block::{Block, Chunk, Room};
use hessian::Hessian;

/// Rows that are solved at once: their sums take `4 k` bytes each.
const BAND: usize = 4096;

/// Inputs of blocks that are brought up to date among themselves before all others are.
const TOGETHER: usize = 512;

/// How GPTQ goes about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GptqOptions {
    /// Share of the mean diagonal of the Gram matrix that is added to it.
    pub damping: f64,
    /// Whether inputs go by falling activation.
    pub desc_act: bool,
    /// Whether scales are found from the original weights.
    pub static_groups: bool,
    /// Inputs after which the others are brought up to date; changes the speed only.
    pub block_size: usize,
}

/// What GPTQ found.
#[derive(Debug, Clone, PartialEq)]
pub struct Solved {
    /// The codes.
    pub coded: Coded,
    /// Share of the mean diagonal that was added.
    pub damping: f64,
    /// How often it was raised, tenfold each, because the Gram matrix had no factor.
    pub num_raised: usize,
    /// Inputs that were always zero. Where all were, nothing is known and all weights are rounded
    /// to nearest.
    pub num_dead: usize,
}

/// Codes of a weight `[n, k]` by GPTQ.
///
/// Several weights with the same inputs share a [`Hessian`], which is most of the work for small ones.
/// Peak memory is the codes, the factor, `[k, k]` in f32, and the sums of 4096 rows.
///
/// # Errors
/// When there is no such grid, its group size does not divide `k`, a weight is not finite, there are
/// no tokens, an option is out of range, or the Gram matrix stays singular.
pub fn gptq(
    weight: &[f32],
    n: usize,
    k: usize,
    moments: &Moments,
    grid: Grid,
    options: &GptqOptions,
) -> Result<Solved, SolveError> {
    check(weight, n, k, grid)?;
    moments.check(k)?;
    Hessian::new(moments, options)?.solve(weight, n, k, grid)
}

impl Hessian {
    /// Codes of a weight `[n, k]` by GPTQ.
    ///
    /// Peak memory is the codes and the sums of 4096 rows.
    ///
    /// # Errors
    /// When there is no such grid, its group size does not divide `k`, a weight is not finite, or the
    /// inputs are not `k`.
    pub fn solve(
        &self,
        weight: &[f32],
        n: usize,
        k: usize,
        grid: Grid,
    ) -> Result<Solved, SolveError> {
        check(weight, n, k, grid)?;
        if self.inputs.len() != k {
            return Err(SolveError::Inputs { inputs: self.inputs.len(), k });
        }
        let Self { inputs, is_dead, factor, options, damping, num_raised, num_dead } = self;
        let solved = |coded| Solved {
            coded,
            damping: *damping,
            num_raised: *num_raised,
            num_dead: *num_dead,
        };
        if *num_dead == k {
            return Ok(solved(nearest(weight, n, k, grid)?));
        }
        let mut coded = Coded::zeroed(grid, n, k)?;
        let is_static = options.static_groups || coded.groups() == 1;
        if options.desc_act && !is_static {
            coded.order = Some(groups_of(inputs, grid.group_len(k)));
        }
        if is_static {
            steps::find(&mut coded, weight, is_dead);
        }
        let problem = Problem { weight, k, inputs, is_dead, is_static, factor, grid };
        problem.solve(&mut coded, options.block_size);
        Ok(solved(coded))
    }
}

/// What all rows share.
struct Problem<'a> {
    weight: &'a [f32],
    k: usize,
    /// The input at each position.
    inputs: &'a [u32],
    is_dead: &'a [bool],
    is_static: bool,
    factor: &'a [f32],
    grid: Grid,
}

impl Default for GptqOptions {
    fn default() -> Self {
        Self { damping: 0.01, desc_act: false, static_groups: false, block_size: 128 }
    }
}

impl GptqOptions {
    fn check(&self) -> Result<(), SolveError> {
        if !(0.0..=1.0).contains(&self.damping) {
            let (name, range) = ("damping", "a share from 0 to 1");
            return Err(SolveError::Option { name, value: self.damping, range });
        }
        if self.block_size == 0 {
            let (name, range) = ("block_size", "a number of inputs");
            return Err(SolveError::Option { name, value: 0.0, range });
        }
        Ok(())
    }
}

/// The group of each input, where groups are runs of positions.
fn groups_of(inputs: &[u32], group_len: usize) -> Vec<u32> {
    let mut groups = vec![0; inputs.len()];
    let runs = inputs.chunks(group_len);
    for (group, run) in (0_u32..).zip(runs) {
        for &input in run {
            groups[input as usize] = group;
        }
    }
    groups
}

/// Rows of everything but sums and differences.
struct Band<'a> {
    /// `[rows, k]`
    weight: &'a [f32],
    /// `[rows, k]`
    codes: &'a mut [u8],
    /// `[rows, groups]`
    scales: &'a mut [f32],
    /// `[rows, groups]`
    zero_points: &'a mut [u8],
    groups: usize,
    /// Scales and zero points in lanes, where they are known before.
    known: &'a [Steps],
}

/// Differences of the weights of some positions and their codes, `[rows, positions]`.
struct Differences {
    values: Vec<f32>,
    positions: Range<usize>,
}

impl Problem<'_> {
    fn solve(&self, coded: &mut Coded, block_size: usize) {
        let (k, groups) = (self.k, coded.groups());
        let group_of: Vec<usize> =
            self.inputs.iter().map(|&input| coded.group_of(input as usize)).collect();
        let bands = self
            .weight
            .chunks(BAND * k)
            .zip(coded.codes.chunks_mut(BAND * k))
            .zip(coded.scales.chunks_mut(BAND * groups))
            .zip(coded.zero_points.chunks_mut(BAND * groups));
        for (((weight, codes), scales), zero_points) in bands {
            let known = if self.is_static {
                steps::in_lanes(scales, zero_points, groups)
            } else {
                Vec::new()
            };
            let known = known.as_slice();
            let mut band = Band { weight, codes, scales, zero_points, groups, known };
            let mut sums = vec![0.0; weight.len()];
            let mut first = 0;
            while first < k {
                let ends = self.block_ends(first, block_size);
                let last = ends.last().copied().unwrap_or(k);
                let values = vec![0.0; weight.len() / k * (last - first)];
                let mut differences = Differences { values, positions: first..last };
                for end in ends {
                    let block = Block::new(self, &group_of, first..end);
                    block_of_band(&block, &mut band, &sums, &mut differences);
                    self.update(&mut sums, &differences, first..end, end..last);
                    first = end;
                }
                let solved = differences.positions.clone();
                self.update(&mut sums, &differences, solved, last..k);
            }
        }
    }

    /// Where blocks end that are brought up to date among themselves first, and those behind them at
    /// once: sums are read and written less often so.
    fn block_ends(&self, start: usize, block_size: usize) -> Vec<usize> {
        let mut end = self.block_end(start, block_size);
        let mut ends = vec![end];
        // A group that begins in one of them must end in it: its range needs all that is before it.
        let is_whole = self.is_static || self.grid.group_len(self.k) <= block_size;
        while is_whole && end < self.k {
            end = self.block_end(end, block_size);
            if end - start > TOGETHER {
                break;
            }
            ends.push(end);
        }
        ends
    }

    /// Where a block ends: where a group does not fit in that has begun within, before it.
    fn block_end(&self, start: usize, block_size: usize) -> usize {
        let end = start.saturating_add(block_size).min(self.k);
        let group_start = end / self.grid.group_len(self.k) * self.grid.group_len(self.k);
        if self.is_static || end == self.k || group_start <= start { end } else { group_start }
    }

    /// Brings the sums at positions `behind` up to date with differences at others before them.
    fn update(
        &self,
        sums: &mut [f32],
        differences: &Differences,
        solved: Range<usize>,
        behind: Range<usize>,
    ) {
        if behind.is_empty() {
            return;
        }
        let (k, rows) = (self.k, sums.len() / self.k);
        let Differences { values, positions } = differences;
        let left = &values[solved.start - positions.start..];
        let left = Matrix::strided(left, rows, solved.len(), positions.len());
        let left = Packed::new(left, Precision::F32, Threads::All);
        let right = &self.factor[solved.start * k + behind.start..];
        let right = Matrix::strided(right, solved.len(), behind.len(), k);
        let into = MatrixMut::strided(&mut sums[behind.start..], rows, behind.len(), k);
        multiply_packed(into, &left, right, 1.0, Accumulate::Yes, Threads::All);
    }
}

/// Rounds a block of all rows of a band.
fn block_of_band(
    block: &Block<'_>,
    band: &mut Band<'_>,
    sums: &[f32],
    differences: &mut Differences,
) {
    let Band { weight, codes, scales, zero_points, groups, known } = band;
    let (k, groups, known) = (block.k(), *groups, *known);
    let Differences { values, positions } = differences;
    let (width, column) = (positions.len(), block.start() - positions.start);
    weight
        .par_chunks(LANES * k)
        .zip(sums.par_chunks(LANES * k))
        .zip(values.par_chunks_mut(LANES * width))
        .zip(codes.par_chunks_mut(LANES * k))
        .zip(scales.par_chunks_mut(LANES * groups))
        .zip(zero_points.par_chunks_mut(LANES * groups))
        .enumerate()
        .for_each_init(
            || Room::new(block),
            |room, (at, (((((weight, sums), values), codes), scales), zero_points))| {
                let differences = (values, width, column);
                let steps = &known[(at * groups).min(known.len())..];
                let chunk = Chunk { weight, sums, differences, codes, scales, zero_points, steps };
                block.solve(chunk, room);
            },
        );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_wait_for_each_other_where_no_group_is_cut() {
        check_together(Some(32), 64, &[64, 128, 192, 256, 300]);
        check_together(Some(96), 128, &[96, 192, 300]);
        check_together(Some(150), 100, &[100]);
        let grid = Grid { bits: 4, group_size: Some(32), is_symmetric: false };
        let problem = problem(grid, 8192);
        assert_eq!(problem.block_ends(0, 128), [128, 256, 384, 512]);
        assert_eq!(problem.block_ends(8064, 128), [8192]);
        assert_eq!(problem.block_ends(0, 1000), [992]);
    }

    fn check_together(group_size: Option<usize>, block_size: usize, expected: &[usize]) {
        let grid = Grid { bits: 4, group_size, is_symmetric: false };
        assert_eq!(problem(grid, 300).block_ends(0, block_size), expected, "{grid:?}");
    }

    #[test]
    fn blocks_do_not_cut_groups_that_fit() {
        check_blocks(Some(32), 128, &[128, 256, 300]);
        check_blocks(Some(96), 128, &[96, 192, 300]);
        check_blocks(Some(300), 128, &[128, 256, 300]);
        check_blocks(Some(150), 100, &[100, 150, 250, 300]);
    }

    fn check_blocks(group_size: Option<usize>, block_size: usize, expected: &[usize]) {
        let grid = Grid { bits: 4, group_size, is_symmetric: true };
        let problem = problem(grid, 300);
        let mut ends = Vec::new();
        let mut start = 0;
        while start < 300 {
            start = problem.block_end(start, block_size);
            ends.push(start);
        }
        assert_eq!(ends, expected);
    }

    fn problem(grid: Grid, k: usize) -> Problem<'static> {
        Problem { weight: &[], k, inputs: &[], is_dead: &[], is_static: false, factor: &[], grid }
    }
}
