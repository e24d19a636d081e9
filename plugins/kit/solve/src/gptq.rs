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
//! anything. The sums of all later inputs are brought up to date once a block, by a product.
//!
//! - **Damping**: a share of the mean diagonal is added to it, more if there is no factor.
//! - **Dead inputs**, which were always zero, get weights of zero; they move nothing.
//! - **Groups**: scale and zero point of a group are found when its first input is due, from the
//!   weights as they then are, those of the same block included (`GPTQ`'s own code leaves these
//!   out); or from the original weights, where groups are static.
//! - **`desc_act`**: inputs go by falling diagonal. Groups then are runs of that order, and
//!   [`Coded::order`] tells the group of each input, unless they are static.

mod block;
mod steps;

use rayon::prelude::*;

use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Packed, Precision, Threads};

use crate::error::SolveError;
use crate::factor::{Factor, factor};
use crate::grid::{Coded, Grid, check};
use crate::lanes::LANES;
use crate::moments::Moments;
use crate::nearest::nearest;
use block::{Block, Chunk, Room};

/// Rows that are solved at once: their sums take `4 k` bytes each.
const BAND: usize = 4096;

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
    options.check()?;
    let is_dead: Vec<bool> = (0..k).map(|input| moments.diagonal(input) == 0.0).collect();
    let num_dead = is_dead.iter().filter(|is_dead| **is_dead).count();
    if num_dead == k {
        let coded = nearest(weight, n, k, grid)?;
        return Ok(Solved { coded, damping: options.damping, num_raised: 0, num_dead });
    }
    let inputs = order(moments, options.desc_act);
    let Factor { values, damping, num_raised } = factor(moments, &inputs, options.damping)?;
    let mut coded = Coded::zeroed(grid, n, k)?;
    let is_static = options.static_groups || coded.groups() == 1;
    if options.desc_act && !is_static {
        coded.order = Some(groups_of(&inputs, grid.group_len(k)));
    }
    if is_static {
        steps::find(&mut coded, weight, &is_dead);
    }
    let problem = Problem { weight, k, inputs, is_dead, is_static, factor: values, grid };
    problem.solve(&mut coded, options.block_size);
    Ok(Solved { coded, damping, num_raised, num_dead })
}

/// What all rows share.
struct Problem<'a> {
    weight: &'a [f32],
    k: usize,
    /// The input at each position.
    inputs: Vec<u32>,
    is_dead: Vec<bool>,
    is_static: bool,
    factor: Vec<f32>,
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

/// The input at each position; of equal ones the first comes first.
fn order(moments: &Moments, desc_act: bool) -> Vec<u32> {
    let mut inputs: Vec<u32> = (0_u32..).take(moments.inputs()).collect();
    if desc_act {
        let diagonal = |input: u32| moments.diagonal(input as usize);
        inputs.sort_by(|&first, &second| diagonal(second).total_cmp(&diagonal(first)));
    }
    inputs
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
            let mut sums = vec![0.0; weight.len()];
            let mut start = 0;
            while start < k {
                let end = self.block_end(start, block_size);
                let block = Block::new(self, &group_of, start..end);
                let width = end - start;
                let mut differences = vec![0.0; weight.len() / k * width];
                weight
                    .par_chunks(LANES * k)
                    .zip(sums.par_chunks(LANES * k))
                    .zip(differences.par_chunks_mut(LANES * width))
                    .zip(codes.par_chunks_mut(LANES * k))
                    .zip(scales.par_chunks_mut(LANES * groups))
                    .zip(zero_points.par_chunks_mut(LANES * groups))
                    .for_each_init(
                        || Room::new(&block),
                        |room, (((((weight, sums), differences), codes), scales), zero_points)| {
                            let chunk =
                                Chunk { weight, sums, differences, codes, scales, zero_points };
                            block.solve(chunk, room);
                        },
                    );
                self.update(&mut sums, &differences, start, end);
                start = end;
            }
        }
    }

    /// Where a block ends: where a group does not fit in that has begun within, before it.
    fn block_end(&self, start: usize, block_size: usize) -> usize {
        let end = start.saturating_add(block_size).min(self.k);
        let group_start = end / self.grid.group_len(self.k) * self.grid.group_len(self.k);
        if self.is_static || end == self.k || group_start <= start { end } else { group_start }
    }

    /// Brings the sums of all inputs behind a block up to date.
    fn update(&self, sums: &mut [f32], differences: &[f32], start: usize, end: usize) {
        let (k, width, rest) = (self.k, end - start, self.k - end);
        if rest == 0 {
            return;
        }
        let rows = sums.len() / k;
        let left = Matrix::new(differences, rows, width);
        let left = Packed::new(left, Precision::F32, Threads::All);
        let right = Matrix::strided(&self.factor[start * k + end..], width, rest, k);
        let into = MatrixMut::strided(&mut sums[end..], rows, rest, k);
        multiply_packed(into, &left, right, 1.0, Accumulate::Yes, Threads::All);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_cut_groups_that_fit() {
        check_blocks(Some(32), 128, &[128, 256, 300]);
        check_blocks(Some(96), 128, &[96, 192, 300]);
        check_blocks(Some(300), 128, &[128, 256, 300]);
        check_blocks(Some(150), 100, &[100, 150, 250, 300]);
    }

    fn check_blocks(group_size: Option<usize>, block_size: usize, expected: &[usize]) {
        let grid = Grid { bits: 4, group_size, is_symmetric: true };
        let problem = Problem {
            weight: &[],
            k: 300,
            inputs: Vec::new(),
            is_dead: Vec::new(),
            is_static: false,
            factor: Vec::new(),
            grid,
        };
        let mut ends = Vec::new();
        let mut start = 0;
        while start < 300 {
            start = problem.block_end(start, block_size);
            ends.push(start);
        }
        assert_eq!(ends, expected);
    }
}
