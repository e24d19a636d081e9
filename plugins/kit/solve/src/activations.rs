//! What 8-bit products see of the inputs of a linear layer: their ranges, and some of them.

use rayon::prelude::*;

use crate::error::SolveError;
use crate::grid::first_not_finite;

/// Largest code of 8 bits.
const LAST_CODE: f32 = 255.0;

/// Ranges of the inputs `X`, `[tokens, k]`, of a linear layer, and some of the tokens themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    k: usize,
    stride: usize,
    tokens: usize,
    /// Smallest and largest of each input and zero.
    least: Vec<f32>,
    largest: Vec<f32>,
    /// Every token whose number is a multiple of `stride`, `[rows, k]`.
    sample: Vec<f32>,
}

impl Activations {
    /// Those of no token yet, of which at most `num_kept` are kept when `tokens` are added.
    pub fn new(k: usize, tokens: usize, num_kept: usize) -> Self {
        // An odd number: lengths of sequences are often even, and all their places are to be met.
        let stride = tokens.div_ceil(num_kept.max(1)).max(1) | 1;
        let (least, largest) = (vec![0.0; k], vec![0.0; k]);
        Self { k, stride, tokens: 0, least, largest, sample: Vec::new() }
    }

    /// Adds tokens `x`, `[rows, k]`.
    ///
    /// # Errors
    /// When `x` has no whole rows, or a value is not finite.
    pub fn add(&mut self, x: &[f32]) -> Result<(), SolveError> {
        let k = self.k;
        let rows = x.len().checked_div(k).unwrap_or(0);
        if rows * k != x.len() {
            return Err(SolveError::Shape { values: x.len(), n: rows, k });
        }
        if let Some(at) = first_not_finite(x) {
            return Err(SolveError::InputNotFinite { input: at % k });
        }
        for token in x.chunks_exact(k.max(1)) {
            let ranges = self.least.iter_mut().zip(&mut self.largest);
            for ((least, largest), x) in ranges.zip(token) {
                (*least, *largest) = (least.min(*x), largest.max(*x));
            }
            if self.tokens.is_multiple_of(self.stride) {
                self.sample.extend_from_slice(token);
            }
            self.tokens += 1;
        }
        Ok(())
    }

    /// Inputs of the layer.
    pub fn inputs(&self) -> usize {
        self.k
    }

    /// Largest `|x|` of each input.
    pub fn largest_magnitudes(&self) -> Vec<f32> {
        self.least.iter().zip(&self.largest).map(|(least, largest)| largest.max(-least)).collect()
    }

    /// The tokens that are kept, `[rows, k]`.
    pub(crate) fn sample(&self) -> &[f32] {
        &self.sample
    }

    /// The same divided by `scales` and rounded to 8 bits, on the grid that `DynamicQuantizeLinear`
    /// finds for all tokens together.
    pub(crate) fn rounded(&self, scales: &[f32]) -> Vec<f32> {
        let range = |values: &[f32], better: fn(f32, f32) -> f32| {
            values.iter().zip(scales).map(|(x, scale)| x / scale).fold(0.0, better)
        };
        let (least, largest) = (range(&self.least, f32::min), range(&self.largest, f32::max));
        let step = (largest - least) / LAST_CODE;
        let mut rounded = self.sample.clone();
        if step == 0.0 {
            // All inputs are zero, or as good as that.
            rounded.fill(0.0);
            return rounded;
        }
        let zero_point = (-least / step).round_ties_even();
        rounded.par_chunks_mut(self.k.max(1)).for_each(|token| {
            for (x, scale) in token.iter_mut().zip(scales) {
                let code = (*x / scale / step).round_ties_even() + zero_point;
                *x = (code.clamp(0.0, LAST_CODE) - zero_point) * step;
            }
        });
        rounded
    }

    /// Checks that they are those of a matrix of `k` columns, and of some token.
    pub(crate) fn check(&self, k: usize) -> Result<(), SolveError> {
        if self.k != k {
            return Err(SolveError::Inputs { inputs: self.k, k });
        }
        if self.tokens == 0 { Err(SolveError::NoTokens) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_all_tokens_and_some_are_kept() {
        let mut activations = Activations::new(2, 6, 2);
        activations.add(&[1.0, -4.0, 0.0, 2.0, -3.0, 0.0]).unwrap();
        activations.add(&[5.0, 1.0, 0.0, 0.0, 0.5, -9.0]).unwrap();
        assert_eq!(activations.largest_magnitudes(), [5.0, 9.0]);
        assert_eq!(activations.sample(), [1.0, -4.0, 5.0, 1.0]);
    }

    #[test]
    fn inputs_are_rounded_on_one_grid_that_holds_zero() {
        let mut activations = Activations::new(2, 2, 2);
        activations.add(&[204.0, -51.0, 10.4, 10.6]).unwrap();
        assert_eq!(activations.rounded(&[1.0, 1.0]), [204.0, -51.0, 10.0, 11.0]);
        let mut zeros = Activations::new(1, 1, 1);
        zeros.add(&[0.0]).unwrap();
        assert_eq!(zeros.rounded(&[3.0]), [0.0]);
    }

    #[test]
    fn what_is_no_input_is_refused() {
        let mut activations = Activations::new(2, 1, 1);
        assert_eq!(activations.check(2), Err(SolveError::NoTokens));
        assert_eq!(activations.check(3), Err(SolveError::Inputs { inputs: 2, k: 3 }));
        let shape = SolveError::Shape { values: 3, n: 1, k: 2 };
        assert_eq!(activations.add(&[1.0; 3]), Err(shape));
        let problem = activations.add(&[1.0, f32::NAN]);
        assert_eq!(problem, Err(SolveError::InputNotFinite { input: 1 }));
    }
}
