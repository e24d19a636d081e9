//! The scales of `SmoothQuant` (Xiao et al. 2023): what is hard to quantize in the inputs is moved
//! into the weights.
//!
//! ```text
//! s = max|x|^a / max|w|^(1 - a)
//! ```
//!
//! for each input; it is divided by `s`, and its weights are multiplied with it.

use crate::awq::Weight;
use crate::error::SolveError;
use crate::grid::check_matrix;
use crate::moments::Moments;

/// The least largest weight and scale that count.
const LEAST: f32 = 1e-5;

/// Scales of the inputs of weights that share them; `strength` is the exponent `a`, 0.5 as a rule.
///
/// An input that was always zero keeps its scale.
///
/// # Errors
/// When a shape does not fit, a weight is not finite, there are no tokens, or the strength is not
/// from 0 to 1.
pub fn smooth_scales(
    weights: &[Weight<'_>],
    moments: &Moments,
    strength: f32,
) -> Result<Vec<f32>, SolveError> {
    let k = moments.inputs();
    weights.iter().try_for_each(|weight| check_matrix(weight.values, weight.n, k))?;
    moments.check(k)?;
    if !(0.0..=1.0).contains(&strength) {
        let (name, range) = ("strength", "an exponent from 0 to 1");
        return Err(SolveError::Option { name, value: f64::from(strength), range });
    }
    let mut of_weights = vec![LEAST; k];
    for row in weights.iter().flat_map(|weight| weight.values.chunks_exact(k.max(1))) {
        let largest = of_weights.iter_mut().zip(row);
        largest.for_each(|(largest, weight)| *largest = largest.max(weight.abs()));
    }
    let scale = |(input, weight): (&f32, f32)| {
        if *input == 0.0 {
            return 1.0;
        }
        (input.powf(strength) / weight.powf(1.0 - strength)).max(LEAST)
    };
    Ok(moments.largest_magnitudes().iter().zip(of_weights).map(scale).collect())
}
