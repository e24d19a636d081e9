//! K-quants, as Olive's `KQuant` finds them: of some grids for a group that of least weighted
//! squared error, after `make_qkx2_quants` and `make_qx_quants` of llama.cpp.
//!
//! A weight `x` counts `w = sqrt(mean x²) + |x|`. A candidate divides the range into a few tenths of
//! a step less or more than there are; its scale, and the minimum of an asymmetric grid, then are
//! the weighted least-squares fit to its codes. Candidates share the range, which holds zero.
//!
//! ONNX Runtime's `k_quant`, of `kit/quant`, is another: its range need not hold zero, and begins at
//! the best minimum so far.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use olive_kit_kernels::vector::vectorized;

use crate::error::SolveError;
use crate::grid::{Coded, Grid, Step};
use crate::nearest::{encode, range};

/// Weights that are added at once.
const LANES: usize = 8;

/// Codes of a weight `[n, k]`, the grid of each group chosen for the least weighted error.
///
/// # Errors
/// As [`nearest`](crate::nearest()).
pub fn k_quant(weight: &[f32], n: usize, k: usize, grid: Grid) -> Result<Coded, SolveError> {
    encode(weight, n, k, grid, |_, weights| {
        if grid.is_symmetric { symmetric(weights, grid) } else { asymmetric(weights, grid) }
    })
}

/// `make_qx_quants`: a scale for codes around the middle.
fn symmetric(weights: &[f32], grid: Grid) -> Step {
    let (min, max) = range(weights);
    let largest = if min == 0.0 && max == 0.0 { 1.0 } else { max.max(-min) };
    let (first, last) = (-grid.middle(), grid.last_code() - grid.middle());
    let mean = mean(weights);
    let mut best = 1.0 / (last / largest);
    let fit = |density: f32, scale: Option<f32>| {
        let codes = Codes { offset: 0.0, density, first, last };
        let scale = scale.unwrap_or_else(|| {
            let [_, _, _, squares, products] = codes.sums(weights, mean);
            if squares > 0.0 { rounded(products / squares) } else { 1.0 / density }
        });
        (codes.error(weights, mean, scale, 0.0), scale)
    };
    let (mut least, _) = fit(last / largest, Some(best));
    for tenths in (-9_i8..=9).filter(|tenths| *tenths != 0) {
        let (error, scale) = fit((last + 0.1 * f32::from(tenths)) / largest, None);
        if error < least {
            (least, best) = (error, scale);
        }
    }
    Step { scale: best, zero_point: grid.middle() }
}

/// `make_qkx2_quants`: a scale and a minimum.
fn asymmetric(weights: &[f32], grid: Grid) -> Step {
    let (min, max) = match range(weights) {
        (0.0, 0.0) => (-1.0, 1.0),
        range => range,
    };
    let (span, last) = (max - min, grid.last_code());
    let mean = mean(weights);
    let fit = |density: f32| {
        let codes = Codes { offset: min, density, first: 0.0, last };
        let [w, wx, wl, wll, wlx] = codes.sums(weights, mean);
        let determinant = w * wll - wl * wl;
        let (scale, offset) = if determinant > 0.0 {
            let scale = (w * wlx - wx * wl) / determinant;
            (rounded(scale), rounded((wll * wx - wl * wlx) / determinant))
        } else {
            (1.0 / density, min)
        };
        (codes.error(weights, mean, scale, offset), scale, offset)
    };
    let density = last / span;
    let codes = Codes { offset: min, density, first: 0.0, last };
    let (mut scale, mut offset) = (1.0 / density, min);
    let mut least = codes.error(weights, mean, scale, offset);
    for tenths in 0..20_u8 {
        let (error, of_candidate, offset_of_candidate) =
            fit((last - 1.0 + 0.1 * f32::from(tenths)) / span);
        if error < least && of_candidate > 0.0 {
            (least, scale, offset) = (error, of_candidate, offset_of_candidate);
        }
    }
    let zero_point = (-offset / scale).round_ties_even().clamp(0.0, last);
    Step { scale, zero_point }
}

/// Root of the mean square.
fn mean(weights: &[f32]) -> f32 {
    let squares: f64 = weights.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    rounded((squares / weights.len() as f64).sqrt())
}

#[expect(clippy::cast_possible_truncation, reason = "steps are f32")]
fn rounded(value: f64) -> f32 {
    value as f32
}

/// Codes of a candidate: so many for each unit from an offset on.
#[derive(Clone, Copy)]
struct Codes {
    offset: f32,
    density: f32,
    first: f32,
    last: f32,
}

impl Codes {
    #[inline(always)]
    fn code(self, x: f32) -> f32 {
        (self.density * (x - self.offset)).round_ties_even().clamp(self.first, self.last)
    }

    /// Sums of `w`, `w x`, `w l`, `w l²` and `w l x` over weights `x` with codes `l`.
    fn sums(self, weights: &[f32], mean: f32) -> [f64; 5] {
        vectorized(|| {
            sum(weights, |x| {
                let (w, l) = (mean + x.abs(), self.code(x));
                let wl = w * l;
                [w, w * x, wl, wl * l, wl * x]
            })
        })
    }

    /// Sum of `w (l scale + offset - x)²`.
    fn error(self, weights: &[f32], mean: f32, scale: f32, offset: f32) -> f64 {
        let [error] = vectorized(|| {
            sum(weights, |x| {
                let difference = self.code(x) * scale + offset - x;
                [(mean + x.abs()) * difference * difference]
            })
        });
        error
    }
}

/// Sums in f64 of some terms of each weight, in lanes.
#[inline(always)]
fn sum<const N: usize>(weights: &[f32], terms: impl Fn(f32) -> [f32; N]) -> [f64; N] {
    let (whole, rest) = weights.as_chunks::<LANES>();
    let mut sums = [[0.0_f64; LANES]; N];
    for weights in whole {
        for (lane, &x) in weights.iter().enumerate() {
            for (sums, term) in sums.iter_mut().zip(terms(x)) {
                sums[lane] += f64::from(term);
            }
        }
    }
    let mut totals = sums.map(|lanes| lanes.iter().sum::<f64>());
    for &x in rest {
        totals.iter_mut().zip(terms(x)).for_each(|(total, term)| *total += f64::from(term));
    }
    totals
}
