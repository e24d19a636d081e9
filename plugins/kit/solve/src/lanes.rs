//! Rows of a matrix side by side, one a lane, so that what is done to a row one after the other is
//! done to several at once.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use crate::grid::{Grid, Step};

/// Rows side by side: four vectors of AVX2, two of AVX-512.
pub(crate) const LANES: usize = 32;

/// A value of each row.
pub(crate) type Lanes = [f32; LANES];

/// Scale and zero point of each row's group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) scale: Lanes,
    pub(crate) zero_point: Lanes,
}

impl Steps {
    /// Steps of groups with weights from `min` to `max`.
    #[inline(always)]
    pub(crate) fn of_ranges(grid: Grid, min: &Lanes, max: &Lanes) -> Self {
        let mut steps = Self { scale: [1.0; LANES], zero_point: [0.0; LANES] };
        for lane in 0..LANES {
            let step = grid.step(min[lane], max[lane]);
            steps.scale[lane] = step.scale;
            steps.zero_point[lane] = step.zero_point;
        }
        steps
    }

    /// Steps of one of the `groups` of each row, of scales and zero points `[rows, groups]`, 32 rows at
    /// most.
    #[inline(always)]
    pub(crate) fn of_group(
        scales: &[f32],
        zero_points: &[u8],
        group: usize,
        groups: usize,
    ) -> Self {
        let mut steps = Self { scale: [1.0; LANES], zero_point: [0.0; LANES] };
        let rows = scales.chunks_exact(groups).zip(zero_points.chunks_exact(groups));
        for (lane, (scales, zero_points)) in rows.enumerate() {
            steps.scale[lane] = scales[group];
            steps.zero_point[lane] = f32::from(zero_points[group]);
        }
        steps
    }

    /// Codes of weights, and what they stand for.
    #[inline(always)]
    pub(crate) fn round(&self, weights: &Lanes, last_code: f32) -> (Lanes, Lanes) {
        let (mut codes, mut values) = ([0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            let step = Step { scale: self.scale[lane], zero_point: self.zero_point[lane] };
            codes[lane] = step.code(weights[lane], last_code);
            values[lane] = step.value(codes[lane]);
        }
        (codes, values)
    }
}

/// `sums += factor * values`
#[inline(always)]
pub(crate) fn add_scaled(sums: &mut Lanes, factor: f32, values: &Lanes) {
    for lane in 0..LANES {
        sums[lane] += factor * values[lane];
    }
}

/// `start + Σ factors[i] * values[i]`, in two sums, so that one addition need not wait for the other.
#[inline(always)]
pub(crate) fn add_products(start: &Lanes, factors: &[f32], values: &[Lanes]) -> Lanes {
    let (mut sums, mut others) = (*start, [0.0; LANES]);
    let count = factors.len().min(values.len());
    let (factors, last_factor) = factors[..count].as_chunks::<2>();
    let (values, last_values) = values[..count].as_chunks::<2>();
    for ([factor, other], [values, other_values]) in factors.iter().zip(values) {
        add_scaled(&mut sums, *factor, values);
        add_scaled(&mut others, *other, other_values);
    }
    for (&factor, values) in last_factor.iter().zip(last_values) {
        add_scaled(&mut sums, factor, values);
    }
    add_scaled(&mut sums, 1.0, &others);
    sums
}

/// The lesser and the greater of a range's ends and values.
#[inline(always)]
pub(crate) fn widen((min, max): (&mut Lanes, &mut Lanes), values: &Lanes) {
    for lane in 0..LANES {
        min[lane] = if values[lane] < min[lane] { values[lane] } else { min[lane] };
        max[lane] = if values[lane] > max[lane] { values[lane] } else { max[lane] };
    }
}

/// Takes some inputs of rows `[rows, k]`, 32 at most; lanes without a row are zeros.
///
/// Row by row, so that what is side by side is read together.
pub(crate) fn load(
    into: &mut [Lanes],
    rows: &[f32],
    k: usize,
    input: impl Fn(usize) -> Option<usize>,
) {
    let count = rows.len() / k.max(1);
    for lanes in into.iter_mut() {
        lanes[count.min(LANES)..].fill(0.0);
    }
    for (lane, row) in rows.chunks_exact(k).enumerate() {
        for (at, lanes) in into.iter_mut().enumerate() {
            lanes[lane] = input(at).map_or(0.0, |input| row[input]);
        }
    }
}
