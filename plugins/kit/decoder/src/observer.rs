//! What a backward pass shows of each linear layer.

use std::fmt;

use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::vector::dot;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Threads};

use crate::input::Input;

/// Looks on while a backward passes the linear layers, from the logits to the embedding.
///
/// `lm_head` comes once for some rows of logits at a time.
pub trait GradientObserver: fmt::Debug + Sync {
    /// Takes a linear layer.
    fn linear(&self, seen: &LinearGradient<'_>);

    /// Takes the rows of the embedding.
    fn embedding(&self, seen: &EmbeddingGradient<'_>);
}

/// The input of a linear layer and the gradient of its output: all that the gradient of its weight
/// is made of.
#[derive(Debug)]
pub struct LinearGradient<'a> {
    pub(crate) module: &'a str,
    pub(crate) x: &'a Input<'a>,
    /// `[rows, out_features]`
    pub(crate) dy: &'a [f32],
}

/// The gradient of the residual stream before the first layer.
#[derive(Debug)]
pub struct EmbeddingGradient<'a> {
    pub(crate) tokens: &'a [u32],
    /// `[tokens, hidden_size]`
    pub(crate) gradient: &'a [f32],
    /// What rows of the embedding are multiplied by.
    pub(crate) scale: f32,
}

impl LinearGradient<'_> {
    /// Path of the layer.
    pub fn module(&self) -> &str {
        self.module
    }

    /// How much the loss grows, in first order, when `direction`, `[out_features, in_features]`, is
    /// added to the weight: the sum of `<dy, D x>` over all rows.
    ///
    /// # Panics
    /// When the direction has another shape than the weight.
    pub fn along(&self, direction: &[f32]) -> f64 {
        let rows = self.x.rows();
        let (out_features, in_features) = (self.dy.len() / rows, self.x.values.len() / rows);
        let direction = Matrix::new(direction, out_features, in_features).transposed();
        let mut moved = vec![0.0; self.dy.len()];
        let into = MatrixMut::new(&mut moved, rows, out_features);
        multiply_packed(into, &self.x.packed, direction, 1.0, Accumulate::No, Threads::All);
        let rows = self.dy.chunks(out_features).zip(moved.chunks(out_features));
        rows.map(|(dy, moved)| f64::from(dot(dy, moved))).sum()
    }
}

impl EmbeddingGradient<'_> {
    /// How much the loss grows, in first order, when `direction`, `[vocab_size, hidden_size]`, is
    /// added to the embedding.
    ///
    /// # Panics
    /// When the direction has no row for a token.
    pub fn along(&self, direction: &[f32]) -> f64 {
        let width = self.gradient.len() / self.tokens.len();
        let rows = self.tokens.iter().zip(self.gradient.chunks(width));
        let moved = rows.map(|(token, gradient)| {
            let row = &direction[*token as usize * width..][..width];
            f64::from(dot(gradient, row))
        });
        f64::from(self.scale) * moved.sum::<f64>()
    }
}
