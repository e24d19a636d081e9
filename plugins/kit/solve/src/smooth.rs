//! The scales of `SmoothQuant` (Xiao et al. 2022, arXiv 2211.10438): what is hard to round in the
//! inputs is moved into the weights.
//!
//! ```text
//! s = max|x|^a / max|w|^(1 - a)
//! ```
//!
//! for each input; it is divided by `s`, and its weights are multiplied with it. What that is worth
//! is told by products of rounded inputs and rounded weights.

use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Packed, Precision, Threads};
use rayon::prelude::*;

use crate::activations::Activations;
use crate::awq::Weight;
use crate::error::SolveError;
use crate::grid::check_matrix;
use crate::loss::relative;

/// The least largest weight and scale that count.
const LEAST: f32 = 1e-5;
/// Exponents that are tried: tenths from 0 to 1.
const TENTHS: u8 = 10;
/// Rows of a weight that are multiplied at once.
const BAND: usize = 512;
/// Largest code of a weight: the grid is symmetric.
const LAST_CODE: f32 = 127.0;

/// The scales of least error.
#[derive(Debug, Clone, PartialEq)]
pub struct BestScales {
    /// What the weights of each input are multiplied with, and the input divided by; `[k]`.
    pub scales: Vec<f32>,
    /// The exponent `a`; none when no scaling is best.
    pub alpha: Option<f32>,
}

/// Scales of the inputs of weights that share them; `alpha` is the exponent `a`.
///
/// An input that was always zero keeps its scale; the largest weight of an input counts as 1e-5 at
/// least, and so does a scale.
///
/// # Errors
/// When a shape does not fit, a weight is not finite, there are no tokens, or `alpha` is not from 0
/// to 1.
pub fn smooth_scales(
    weights: &[Weight<'_>],
    activations: &Activations,
    alpha: f32,
) -> Result<Vec<f32>, SolveError> {
    check(weights, activations)?;
    if !(0.0..=1.0).contains(&alpha) {
        let (name, range) = ("alpha", "an exponent from 0 to 1");
        return Err(SolveError::Option { name, value: f64::from(alpha), range });
    }
    let k = activations.inputs();
    let mut of_weights = vec![LEAST; k];
    for row in weights.iter().flat_map(|weight| weight.values.chunks_exact(k.max(1))) {
        let largest = of_weights.iter_mut().zip(row);
        largest.for_each(|(largest, weight)| *largest = largest.max(weight.abs()));
    }
    let scale = |(input, weight): (f32, f32)| {
        if input == 0.0 {
            return 1.0;
        }
        (input.powf(alpha) / weight.powf(1.0 - alpha)).max(LEAST)
    };
    Ok(activations.largest_magnitudes().into_iter().zip(of_weights).map(scale).collect())
}

/// Scales of the exponent among 0, 0.1 … 1 with the least squares of [`int8_error`] over all weights;
/// ones where none has less than no scaling.
///
/// # Errors
/// As [`smooth_scales`].
pub fn best_smooth_scales(
    weights: &[Weight<'_>],
    activations: &Activations,
) -> Result<BestScales, SolveError> {
    let mut best = BestScales { scales: vec![1.0; activations.inputs()], alpha: None };
    let error = |scales: &[f32]| {
        weights.iter().try_fold(0.0, |sum, weight| -> Result<f64, SolveError> {
            Ok(sum + int8_error(*weight, activations, scales)?.powi(2))
        })
    };
    let mut least = error(&best.scales)?;
    for tenths in 0..=TENTHS {
        let alpha = f32::from(tenths) / f32::from(TENTHS);
        let scales = smooth_scales(weights, activations, alpha)?;
        let squares = error(&scales)?;
        if squares < least {
            (least, best) = (squares, BestScales { scales, alpha: Some(alpha) });
        }
    }
    Ok(best)
}

/// Error of the outputs of a weight relative to them, when inputs are divided by `scales`, the weight
/// is multiplied with them, and both are rounded to 8 bits.
///
/// Inputs have one grid with a zero point, the weight a symmetric one for each output. It is measured
/// on the tokens that [`Activations`] keeps. Peak memory is these twice, and 512 rows of weights and
/// outputs.
///
/// # Errors
/// When a shape does not fit, a weight is not finite, or there are no tokens.
pub fn int8_error(
    weight: Weight<'_>,
    activations: &Activations,
    scales: &[f32],
) -> Result<f64, SolveError> {
    check(&[weight], activations)?;
    let k = activations.inputs();
    if scales.len() != k {
        return Err(SolveError::Inputs { inputs: scales.len(), k });
    }
    let packed = |tokens: &[f32]| {
        let tokens = Matrix::new(tokens, tokens.len() / k.max(1), k);
        Packed::new(tokens, Precision::F32, Threads::All)
    };
    let (inputs, rounded) = (packed(activations.sample()), packed(&activations.rounded(scales)));
    let mut products: Vec<f32> = Vec::new();
    let (mut error, mut outputs) = (0.0, 0.0);
    for band in weight.values.chunks((BAND * k).max(1)) {
        let height = band.len() / k.max(1);
        products.resize(inputs.rows() * height, 0.0);
        let mut add = |tokens: &Packed, weights: &[f32], factor, accumulate| {
            let into = MatrixMut::new(&mut products, tokens.rows(), height);
            let weights = Matrix::new(weights, height, k).transposed();
            multiply_packed(into, tokens, weights, factor, accumulate, Threads::All);
            sum_of_squares(&products)
        };
        outputs += add(&inputs, band, 1.0, Accumulate::No);
        error += add(&rounded, &rounded_weights(band, scales), -1.0, Accumulate::Yes);
    }
    Ok(relative(error, outputs).sqrt())
}

fn check(weights: &[Weight<'_>], activations: &Activations) -> Result<(), SolveError> {
    let k = activations.inputs();
    weights.iter().try_for_each(|weight| check_matrix(weight.values, weight.n, k))?;
    activations.check(k)
}

/// Rows of a weight times `scales`, each rounded on a grid of its own.
fn rounded_weights(rows: &[f32], scales: &[f32]) -> Vec<f32> {
    let mut rounded = rows.to_vec();
    rounded.par_chunks_mut(scales.len().max(1)).for_each(|row| {
        row.iter_mut().zip(scales).for_each(|(weight, scale)| *weight *= scale);
        let largest = row.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
        let step = largest / LAST_CODE;
        if step > 0.0 {
            for weight in row {
                *weight = (*weight / step).round_ties_even() * step;
            }
        }
    });
    rounded
}

/// In an order that threads do not change.
fn sum_of_squares(values: &[f32]) -> f64 {
    let of_piece = |values: &[f32]| -> f64 {
        values.iter().map(|value| f64::from(*value) * f64::from(*value)).sum()
    };
    let pieces: Vec<f64> = values.par_chunks(1 << 12).map(of_piece).collect();
    pieces.iter().sum()
}
