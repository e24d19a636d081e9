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

/// `start + Σ factors[i] * values[i]`
#[inline(always)]
pub(crate) fn add_products(start: &Lanes, factors: &[f32], values: &[Lanes]) -> Lanes {
    let mut sums = *start;
    for (&factor, values) in factors.iter().zip(values) {
        add_scaled(&mut sums, factor, values);
    }
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
pub(crate) fn load(
    into: &mut [Lanes],
    rows: &[f32],
    k: usize,
    input: impl Fn(usize) -> Option<usize>,
) {
    for (at, into) in into.iter_mut().enumerate() {
        *into = [0.0; LANES];
        if let Some(input) = input(at) {
            let values = into.iter_mut().zip(rows.chunks_exact(k));
            values.for_each(|(value, row)| *value = row[input]);
        }
    }
}
