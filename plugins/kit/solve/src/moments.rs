//! What is known of the inputs of a linear layer: their Gram matrix and how large each is.

use std::ops::Range;

use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::vector::vectorized;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Packed, Precision, Threads};
use rayon::prelude::*;

use crate::error::SolveError;
use crate::grid::first_not_finite;

/// Rows of the Gram matrix that are computed at once, from the diagonal on: each time tokens are
/// packed anew, and of the square on the diagonal half is computed twice.
const STRIP: usize = 256;

/// Tokens whose magnitudes a thread adds up.
const TOKENS: usize = 64;

/// Gram matrix `X^T X` and magnitudes of the inputs `X`, `[tokens, k]`, of a linear layer.
///
/// It holds `k * k` values in f32, of which the upper triangle is computed. Each piece of tokens is
/// multiplied in f32 and added; of a thousand pieces the sum is off by less than `1e-4` of the
/// diagonal, a hundredth of the usual damping. Magnitudes are added in f64.
#[derive(Debug, Clone)]
pub struct Moments {
    k: usize,
    tokens: usize,
    /// `[k, k]`; zero below the diagonal but in the square of a strip.
    gram: Vec<f32>,
    /// Sum of `|x|` of each input.
    magnitudes: Vec<f64>,
}

impl Moments {
    /// Moments of no token yet.
    pub fn new(k: usize) -> Self {
        Self { k, tokens: 0, gram: vec![0.0; k * k], magnitudes: vec![0.0; k] }
    }

    /// Adds tokens `x`, `[rows, k]`; pieces of some hundred rows are multiplied at full speed.
    ///
    /// # Errors
    /// When `x` has no whole rows, a value is not finite, or squares add up to more than f32 holds.
    pub fn add(&mut self, x: &[f32]) -> Result<(), SolveError> {
        let k = self.k;
        let rows = x.len().checked_div(k).unwrap_or(0);
        if rows * k != x.len() {
            return Err(SolveError::Shape { values: x.len(), n: rows, k });
        }
        if let Some(at) = first_not_finite(x) {
            return Err(SolveError::InputNotFinite { input: at % k });
        }
        for strip in self.strips() {
            let width = k - strip.start;
            let tokens =
                |columns| Matrix::strided(&x[strip.start.min(x.len())..], rows, columns, k);
            let left = tokens(strip.len()).transposed();
            let left = Packed::new(left, Precision::F32, Threads::All);
            let into = &mut self.gram[strip.start * k + strip.start..];
            let into = MatrixMut::strided(into, strip.len(), width, k);
            multiply_packed(into, &left, tokens(width), 1.0, Accumulate::Yes, Threads::All);
        }
        self.add_magnitudes(x);
        self.tokens += rows;
        self.check_squares()
    }

    /// Divides each input by its scale, `[k]`, as if it had been before tokens were added.
    ///
    /// # Errors
    /// When squares add up to more than f32 holds.
    ///
    /// # Panics
    /// When there are more or fewer scales.
    pub fn divide(&mut self, scales: &[f32]) -> Result<(), SolveError> {
        let k = self.k;
        assert_eq!(scales.len(), k, "scales of {k} inputs");
        self.gram.par_chunks_mut(k.max(1)).zip(scales).for_each(|(row, &scale)| {
            vectorized(|| {
                for (value, other) in row.iter_mut().zip(scales) {
                    *value = *value / scale / other;
                }
            });
        });
        let sums = self.magnitudes.iter_mut().zip(scales);
        sums.for_each(|(sum, scale)| *sum /= f64::from(*scale));
        self.check_squares()
    }

    /// Inputs of the layer.
    pub fn inputs(&self) -> usize {
        self.k
    }

    /// Tokens that were added.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Mean `|x|` of each input; zeros when there is no token.
    pub fn mean_magnitudes(&self) -> Vec<f64> {
        let tokens = self.tokens.max(1) as f64;
        self.magnitudes.iter().map(|sum| sum / tokens).collect()
    }

    /// An entry of the Gram matrix.
    ///
    /// # Panics
    /// When there is no such input.
    pub fn gram(&self, first: usize, second: usize) -> f32 {
        self.gram[first.min(second) * self.k + first.max(second)]
    }

    /// The whole Gram matrix, `[k, k]`.
    pub fn into_gram(self) -> Vec<f32> {
        let Self { k, mut gram, .. } = self;
        for row in 1..k {
            for column in 0..row {
                gram[row * k + column] = gram[column * k + row];
            }
        }
        gram
    }

    /// Sum of the squares of an input.
    pub(crate) fn diagonal(&self, input: usize) -> f32 {
        self.gram[input * self.k + input]
    }

    /// Checks that they are those of a matrix of `k` columns, and of some token.
    pub(crate) fn check(&self, k: usize) -> Result<(), SolveError> {
        if self.k != k {
            return Err(SolveError::Inputs { inputs: self.k, k });
        }
        if self.tokens == 0 { Err(SolveError::NoTokens) } else { Ok(()) }
    }

    /// Rows of the Gram matrix in strips.
    pub(crate) fn strips(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let k = self.k;
        (0..k).step_by(STRIP).map(move |start| start..(start + STRIP).min(k))
    }

    /// A strip from its first diagonal entry on, `[rows, k - first row]`: a square, and what is
    /// right of it.
    pub(crate) fn strip(&self, strip: &Range<usize>) -> Matrix<'_> {
        let values = &self.gram[strip.start * self.k + strip.start..];
        Matrix::strided(values, strip.len(), self.k - strip.start, self.k)
    }

    fn check_squares(&self) -> Result<(), SolveError> {
        let too_large = (0..self.k).find(|&input| !self.diagonal(input).is_finite());
        too_large.map_or(Ok(()), |input| Err(SolveError::InputNotFinite { input }))
    }

    fn add_magnitudes(&mut self, x: &[f32]) {
        let k = self.k;
        let sums = |tokens: &[f32]| {
            let mut sums = vec![0.0_f32; k];
            for token in tokens.chunks_exact(k) {
                for (sum, x) in sums.iter_mut().zip(token) {
                    *sum += x.abs();
                }
            }
            sums
        };
        let pieces: Vec<_> = x.par_chunks((TOKENS * k).max(1)).map(sums).collect();
        for sums in pieces {
            self.magnitudes.iter_mut().zip(sums).for_each(|(sum, x)| *sum += f64::from(x));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dividing_the_sums_is_dividing_the_inputs() {
        let k = 300;
        let value = |at: usize| ((at * 7919) % 1021) as f32 / 1021.0 - 0.4;
        let inputs: Vec<f32> = (0..20 * k).map(value).collect();
        let scales: Vec<f32> = (0..k).map(|at| 0.5 + value(at).abs()).collect();
        let divided = |at: usize| inputs[at] / scales[at % k];
        let (mut found, mut expected) = (Moments::new(k), Moments::new(k));
        found.add(&inputs).unwrap();
        found.divide(&scales).unwrap();
        expected.add(&(0..20 * k).map(divided).collect::<Vec<_>>()).unwrap();
        for first in 0..k {
            for second in first..k {
                let difference = found.gram(first, second) - expected.gram(first, second);
                assert!(difference.abs() < 1e-4, "{first} {second}: {difference}");
            }
        }
        let mut magnitudes = found.mean_magnitudes().into_iter().zip(expected.mean_magnitudes());
        assert!(magnitudes.all(|(one, other)| (one / other - 1.0).abs() < 1e-5));
    }
}
