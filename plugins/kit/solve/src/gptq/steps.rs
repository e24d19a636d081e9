//! Steps of groups that are known before the first input is rounded.

use rayon::prelude::*;

use crate::grid::{Coded, byte};
use crate::lanes::{LANES, Steps};

/// Finds the steps of all groups from the original weights; those of dead inputs count as zeros.
pub(super) fn find(coded: &mut Coded, weight: &[f32], is_dead: &[bool]) {
    let (grid, k, groups) = (coded.grid, coded.k, coded.groups());
    let len = grid.group_len(k);
    let steps = coded.scales.par_iter_mut().zip(&mut coded.zero_points);
    let weights = weight.par_chunks_exact(len);
    weights.zip(steps).enumerate().for_each(|(at, (weights, (scale, zero_point)))| {
        let is_dead = &is_dead[at % groups * len..];
        let live = weights.iter().zip(is_dead).filter(|(_, is_dead)| !**is_dead);
        let (min, max) = live.fold((0.0_f32, 0.0_f32), |(min, max), (&weight, _)| {
            (min.min(weight), max.max(weight))
        });
        let step = grid.step(min, max);
        (*scale, *zero_point) = (step.scale, byte(step.zero_point));
    });
}

/// The steps of all groups of rows `[rows, groups]`, those of 32 rows side by side.
pub(super) fn in_lanes(scales: &[f32], zero_points: &[u8], groups: usize) -> Vec<Steps> {
    let rows = scales.par_chunks(LANES * groups).zip(zero_points.par_chunks(LANES * groups));
    let of_rows = rows.flat_map_iter(|(scales, zero_points)| {
        (0..groups).map(move |group| Steps::of_group(scales, zero_points, group, groups))
    });
    of_rows.collect()
}
