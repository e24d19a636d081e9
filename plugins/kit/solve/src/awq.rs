//! The scales of AWQ (Lin et al. 2023, activation-aware weight quantization): an input that is large
//! is worth finer steps, so its weights are multiplied by a scale, and the input divided by it.
//!
//! ```text
//! s = mean|x|^a / mean|w|^(1 - a), divided by sqrt(max s * min s)
//! ```
//!
//! with `|w|` relative to the largest weight of its group. Of the exponents `a` on a grid that of
//! least error in the outputs is chosen, `‖(W - Q(W s) / s) X‖²`, which the Gram matrix tells. No
//! scaling at all is tried first, so that the result is never worse than rounding to nearest.

use olive_kit_kernels::vector::vectorized;

use crate::error::SolveError;
use crate::grid::{Grid, check};
use crate::loss::{relative, trace};
use crate::moments::Moments;
use crate::nearest::range;

/// The least scale before they are divided by their middle.
const LEAST: f64 = 1e-4;

/// A weight `[n, k]`.
#[derive(Debug, Clone, Copy)]
pub struct Weight<'a> {
    /// Row after row.
    pub values: &'a [f32],
    /// Rows: output features.
    pub n: usize,
}

/// What scales are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AwqOptions {
    /// Whether weights have a say, or inputs alone.
    pub duo_scaling: bool,
    /// Exponents from 0 to less than 1.
    pub n_grid: usize,
}

/// The scales of inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct AwqScales {
    /// What the weights of each input are multiplied with, and the input divided by; `[k]`.
    pub scales: Vec<f32>,
    /// The exponent `a`; none when no scaling is best.
    pub exponent: Option<f64>,
    /// Squared error of the outputs relative to them.
    pub loss: f64,
    /// The same without scaling.
    pub loss_of_rtn: f64,
}

/// Searches scales for the inputs of weights that share them.
///
/// An input that was always zero keeps its scale. Peak memory is two bands of 512 rows.
///
/// # Errors
/// When there is no such grid, its group size does not divide the number of inputs, a shape does not
/// fit, a weight is not finite, there are no tokens, or there is no exponent to try.
pub fn awq_scales(
    weights: &[Weight<'_>],
    moments: &Moments,
    grid: Grid,
    options: &AwqOptions,
) -> Result<AwqScales, SolveError> {
    let k = moments.inputs();
    weights.iter().try_for_each(|weight| check(weight.values, weight.n, k, grid))?;
    moments.check(k)?;
    if options.n_grid == 0 {
        let (name, range) = ("n_grid", "a number of exponents");
        return Err(SolveError::Option { name, value: 0.0, range });
    }
    let whole = |weight: &Weight<'_>| {
        trace(moments, weight.n, |row, out| out.copy_from_slice(&weight.values[row * k..][..k]))
    };
    let outputs = weights.iter().map(whole).sum();
    let loss = |scales: &[f32]| {
        let losses = weights.iter().map(|weight| loss(*weight, moments, grid, scales));
        relative(losses.sum(), outputs)
    };
    let scales = vec![1.0; k];
    let loss_of_rtn = loss(&scales);
    let mut best = AwqScales { scales, exponent: None, loss: loss_of_rtn, loss_of_rtn };
    let of_inputs = moments.mean_magnitudes();
    let of_weights = magnitudes(weights, k, grid);
    for step in 0..options.n_grid {
        let exponent = step as f64 / options.n_grid as f64;
        let scales = scales_of(&of_inputs, &of_weights, exponent, options.duo_scaling);
        let loss = loss(&scales);
        if loss < best.loss {
            best = AwqScales { scales, exponent: Some(exponent), loss, loss_of_rtn };
        }
    }
    Ok(best)
}

impl Default for AwqOptions {
    fn default() -> Self {
        Self { duo_scaling: true, n_grid: 20 }
    }
}

/// Mean magnitude of each input's weights relative to the largest of their groups.
fn magnitudes(weights: &[Weight<'_>], k: usize, grid: Grid) -> Vec<f64> {
    const LEAST_GROUP: f64 = 1e-6;
    let len = grid.group_len(k);
    let mut sums = vec![0.0; k];
    let mut rows = 0;
    for weight in weights {
        for row in weight.values.chunks_exact(k.max(1)) {
            for (weights, sums) in row.chunks_exact(len).zip(sums.chunks_exact_mut(len)) {
                let (min, max) = range(weights);
                let largest = f64::from(max.max(-min)) + LEAST_GROUP;
                let weights = weights.iter().map(|weight| f64::from(weight.abs()) / largest);
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
            }
        }
        rows += weight.n;
    }
    sums.iter().map(|sum| sum / rows.max(1) as f64).collect()
}

/// The scales of an exponent.
fn scales_of(of_inputs: &[f64], of_weights: &[f64], exponent: f64, duo_scaling: bool) -> Vec<f32> {
    let scales = of_inputs.iter().zip(of_weights).map(|(input, weight)| {
        let by_weight = if duo_scaling { weight.powf(1.0 - exponent) + LEAST } else { 1.0 };
        (*input > 0.0).then(|| (input.powf(exponent) / by_weight).max(LEAST))
    });
    let (min, max) = scales
        .clone()
        .flatten()
        .fold((f64::INFINITY, 0.0_f64), |(min, max), scale| (min.min(scale), max.max(scale)));
    let middle = (min * max).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
    let scales = scales.map(|scale| scale.map_or(1.0, |scale| (scale / middle) as f32)).collect();
    scales
}

/// Squared error of a weight's outputs when its inputs are scaled and it is rounded to nearest.
fn loss(weight: Weight<'_>, moments: &Moments, grid: Grid, scales: &[f32]) -> f64 {
    let (k, len, last_code) =
        (moments.inputs(), grid.group_len(moments.inputs()), grid.last_code());
    trace(moments, weight.n, |row, out| {
        let weights = &weight.values[row * k..][..k];
        for (scaled, (weight, scale)) in out.iter_mut().zip(weights.iter().zip(scales)) {
            *scaled = weight * scale;
        }
        for (at, scaled) in out.chunks_exact_mut(len).enumerate() {
            let (min, max) = range(scaled);
            let step = grid.step(min, max);
            let (weights, scales) = (&weights[at * len..], &scales[at * len..]);
            vectorized(|| {
                for (scaled, (weight, scale)) in scaled.iter_mut().zip(weights.iter().zip(scales)) {
                    *scaled = weight - step.value(step.code(*scaled, last_code)) / scale;
                }
            });
        }
    })
}
