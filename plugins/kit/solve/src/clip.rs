//! The search for the ranges of groups (`AutoClip`, and AWQ's clip search): a narrower range has
//! finer steps for the weights within, and cuts off what is outside.
//!
//! Of all shrunk ranges a group gets that of least error in the outputs, `d G d^T` for the
//! difference `d` of the group's weights and the block `G` of the Gram matrix that belongs to its
//! inputs: the mean over all tokens of what Olive and AWQ compute from a sample of them. As there,
//! groups are looked at one by one.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::error::SolveError;
use crate::grid::{Grid, check};
use crate::lanes::{LANES, Lanes, Steps, add_products, load, widen};
use crate::loss::{relative, trace};
use crate::moments::Moments;

/// What ranges are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipOptions {
    /// Steps from the whole range to nothing.
    pub n_grid: usize,
    /// The part of a range that may be cut off.
    pub max_shrink: f64,
}

/// The ranges of groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Clipped {
    /// Least and greatest weight `[n, groups]`; the range always holds zero.
    pub ranges: Vec<[f32; 2]>,
    /// Sum of the groups' errors, each by itself, relative to the squared outputs.
    pub loss: f64,
    /// The same with whole ranges.
    pub loss_of_nearest: f64,
}

/// Searches the ranges of a weight `[n, k]` for a grid.
///
/// A symmetric grid is shrunk on both sides alike, an asymmetric one on each by itself. Time grows
/// with the group size: rows as one group take `k` products a weight and candidate.
///
/// # Errors
/// When there is no such grid, its group size does not divide `k`, a weight is not finite, there are
/// no tokens, or an option is out of range.
pub fn clip(
    weight: &[f32],
    n: usize,
    k: usize,
    moments: &Moments,
    grid: Grid,
    options: &ClipOptions,
) -> Result<Clipped, SolveError> {
    check(weight, n, k, grid)?;
    moments.check(k)?;
    let parts = options.parts()?;
    let (groups, len) = (grid.groups(k)?, grid.group_len(k));
    let mut ranges = vec![[0.0; 2]; n * groups];
    let (mut loss, mut loss_of_nearest) = (0.0, 0.0);
    for group in 0..groups {
        let inputs = group * len..(group + 1) * len;
        let gram: Vec<f32> = inputs
            .clone()
            .flat_map(|first| inputs.clone().map(move |second| (first, second)))
            .map(|(first, second)| moments.gram(first, second))
            .collect();
        let search = Search { grid, gram: &gram, parts: &parts };
        let found: Vec<Best> = weight
            .par_chunks((LANES * k).max(1))
            .map_init(
                || vec![[0.0; LANES]; 2 * len],
                |room, rows| {
                    let (weights, differences) = room.split_at_mut(len);
                    load(weights, rows, k, |at| Some(inputs.start + at));
                    pulp::Arch::new().dispatch(Run { search, weights, differences })
                },
            )
            .collect();
        for (chunk, best) in found.iter().enumerate() {
            for lane in 0..LANES.min(n - chunk * LANES) {
                ranges[(chunk * LANES + lane) * groups + group] = [best.min[lane], best.max[lane]];
                loss += f64::from(best.loss[lane]);
                loss_of_nearest += f64::from(best.loss_of_nearest[lane]);
            }
        }
    }
    let outputs = trace(moments, n, |row, out| out.copy_from_slice(&weight[row * k..][..k]));
    let [loss, loss_of_nearest] = [loss, loss_of_nearest].map(|loss| relative(loss, outputs));
    Ok(Clipped { ranges, loss, loss_of_nearest })
}

impl Clipped {
    /// Brings each weight of `[n, k]` into the range of its group; rounding to nearest then uses
    /// these ranges.
    ///
    /// # Panics
    /// When the weights do not fill groups of one size.
    pub fn apply(&self, weight: &mut [f32]) {
        assert!(weight.len().is_multiple_of(self.ranges.len().max(1)), "weights fill groups");
        let len = weight.len() / self.ranges.len().max(1);
        let groups = weight.par_chunks_exact_mut(len.max(1)).zip(&self.ranges);
        groups.for_each(|(weights, &[min, max])| {
            for weight in weights {
                *weight = weight.clamp(min, max);
            }
        });
    }
}

impl Default for ClipOptions {
    fn default() -> Self {
        Self { n_grid: 20, max_shrink: 0.5 }
    }
}

impl ClipOptions {
    /// The parts of a range that are tried, the whole first.
    fn parts(&self) -> Result<Vec<f32>, SolveError> {
        if self.n_grid == 0 {
            let (name, range) = ("n_grid", "a number of steps");
            return Err(SolveError::Option { name, value: 0.0, range });
        }
        if !(0.0..1.0).contains(&self.max_shrink) {
            let (name, range) = ("max_shrink", "a part from 0 to less than 1");
            return Err(SolveError::Option { name, value: self.max_shrink, range });
        }
        #[expect(clippy::cast_possible_truncation, reason = "a part is f32")]
        let part = |step: usize| (1.0 - step as f64 / self.n_grid as f64) as f32;
        let is_tried =
            |step: &usize| *step == 0 || (*step as f64) < self.max_shrink * self.n_grid as f64;
        Ok((0..self.n_grid).take_while(is_tried).map(part).collect())
    }
}

/// What all rows of a group share.
#[derive(Clone, Copy)]
struct Search<'a> {
    grid: Grid,
    /// `[len, len]`
    gram: &'a [f32],
    parts: &'a [f32],
}

/// The best range of each row's group.
struct Best {
    min: Lanes,
    max: Lanes,
    loss: Lanes,
    loss_of_nearest: Lanes,
}

/// The part that is compiled for the processor's vectors.
struct Run<'a> {
    search: Search<'a>,
    weights: &'a [Lanes],
    differences: &'a mut [Lanes],
}

impl NullaryFnOnce for Run<'_> {
    type Output = Best;

    #[inline(always)]
    fn call(self) -> Best {
        let Self { search, weights, differences } = self;
        let (mut min, mut max) = ([0.0; LANES], [0.0; LANES]);
        for weights in weights {
            widen((&mut min, &mut max), weights);
        }
        if search.grid.is_symmetric {
            for lane in 0..LANES {
                max[lane] = max[lane].max(-min[lane]);
                // A group without a negative weight stays one: Olive gives it another scale.
                min[lane] = if min[lane] < 0.0 { -max[lane] } else { 0.0 };
            }
        }
        let loss = search.loss(weights, differences, &min, &max);
        let mut best = Best { min, max, loss, loss_of_nearest: loss };
        for (upper, &above) in search.parts.iter().enumerate() {
            for (lower, &below) in search.parts.iter().enumerate() {
                let is_tried = if search.grid.is_symmetric { upper == lower } else { true };
                if !is_tried || upper + lower == 0 {
                    continue;
                }
                let (min, max) = (min.map(|min| min * below), max.map(|max| max * above));
                let loss = search.loss(weights, differences, &min, &max);
                for lane in 0..LANES {
                    if loss[lane] < best.loss[lane] {
                        best.loss[lane] = loss[lane];
                        (best.min[lane], best.max[lane]) = (min[lane], max[lane]);
                    }
                }
            }
        }
        best
    }
}

impl Search<'_> {
    /// The error of each row's group, rounded to nearest in a range.
    #[inline(always)]
    fn loss(
        &self,
        weights: &[Lanes],
        differences: &mut [Lanes],
        min: &Lanes,
        max: &Lanes,
    ) -> Lanes {
        let steps = Steps::of_ranges(self.grid, min, max);
        let last_code = self.grid.last_code();
        let mut loss = [0.0; LANES];
        for (at, weights) in weights.iter().enumerate() {
            let mut clamped = *weights;
            for lane in 0..LANES {
                clamped[lane] = clamped[lane].max(min[lane]).min(max[lane]);
            }
            let (_, values) = steps.round(&clamped, last_code);
            for lane in 0..LANES {
                differences[at][lane] = values[lane] - weights[lane];
            }
            let gram = &self.gram[at * self.len()..];
            let before = add_products(&[0.0; LANES], &gram[..at], &differences[..at]);
            for lane in 0..LANES {
                let difference = differences[at][lane];
                loss[lane] += difference * (2.0 * before[lane] + gram[at] * difference);
            }
        }
        loss
    }

    /// Inputs of the group.
    #[inline(always)]
    fn len(&self) -> usize {
        self.gram.len().isqrt()
    }
}
