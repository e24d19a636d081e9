//! RMS norm: Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).

use olive_kit_adapters::{Adapters, Gradients, ParameterId};
use olive_kit_kernels::vector::{dot, dot_of_three, vectorized};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::error::DecoderError;
use crate::pass::Pass;
use crate::rows::for_each_row;
use crate::weights::Weights;

/// Rows whose gradients of the weight are summed by one thread; fixed, so that the number of threads
/// changes no bit.
const ROWS_AT_ONCE: usize = 64;

/// `y = w x / sqrt(mean(x^2) + epsilon)`, row by row, each `[width]`.
#[derive(Debug, Clone)]
pub struct Norm {
    module: String,
    /// What multiplies; one more than what is stored where the family says so.
    weight: Vec<f32>,
    /// Added to a trained weight.
    offset: f32,
    epsilon: f32,
}

impl Norm {
    /// The norm whose weight is called `name`.
    ///
    /// # Errors
    /// When it is not in the checkpoint.
    #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
    pub fn load<'a>(weights: impl Into<Weights<'a>>, name: &str) -> Result<Self, DecoderError> {
        let weights = weights.into();
        let decoder = weights.decoder();
        let offset = if decoder.norm_adds_one { 1.0 } else { 0.0 };
        let stored = weights.tensor(name)?.to_f32();
        Ok(Self {
            module: name.trim_end_matches(".weight").to_owned(),
            weight: stored.iter().map(|value| value + offset).collect(),
            offset,
            epsilon: decoder.norm_epsilon as f32,
        })
    }

    /// What multiplies, `[width]`: the stored weight plus [`Norm::offset`].
    pub fn weight(&self) -> &[f32] {
        &self.weight
    }

    /// Puts other values in the place of [`Norm::weight`].
    ///
    /// # Panics
    /// When there are more or fewer.
    pub fn replace(&mut self, weight: &[f32]) {
        self.weight.copy_from_slice(weight);
    }

    /// How much more than the stored weight multiplies: 1 where the family says so, else 0.
    pub fn offset(&self) -> f32 {
        self.offset
    }

    /// Writes the norm of each row of `x` into `y`, both `[rows, width]`.
    ///
    /// # Panics
    /// When `x` has fewer rows than `y`.
    pub fn apply(&self, x: &[f32], y: &mut [f32]) {
        self.forward(x, y, &Pass::inference(&Adapters::none()));
    }

    #[cfg(test)]
    pub(crate) fn new(weight: Vec<f32>, epsilon: f32) -> Self {
        Self { module: "norm".into(), weight, offset: 0.0, epsilon }
    }

    /// Writes the norm of each row of `x` into `y`.
    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32], pass: &Pass<'_>) {
        let (width, trained) = (self.weight.len(), self.trained(pass));
        let weight = trained.as_ref().map_or(&self.weight, |(_, weight)| weight);
        for_each_row(y, width, |row, y| {
            vectorized(|| self.normalize(weight, &x[row * width..][..width], y));
        });
    }

    /// Norms each row in place.
    pub(crate) fn forward_in_place(&self, rows: &mut [f32], pass: &Pass<'_>) {
        let (width, trained) = (self.weight.len(), self.trained(pass));
        let weight = trained.as_ref().map_or(&self.weight, |(_, weight)| weight);
        for_each_row(rows, width, |_, values| {
            vectorized(|| {
                let reciprocal = self.reciprocal(values);
                for (value, w) in values.iter_mut().zip(weight) {
                    *value = w * (*value * reciprocal);
                }
            });
        });
    }

    /// Adds to `dx` the gradient of `x`, from `dy` of its norm; a trained weight gets its own.
    pub(crate) fn backward(
        &self,
        x: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) {
        let (width, trained) = (self.weight.len(), self.trained(pass));
        let weight = trained.as_ref().map_or(&self.weight, |(_, weight)| weight);
        for_each_row(dx, width, |row, dx| {
            let row = row * width..(row + 1) * width;
            vectorized(|| self.add_gradient(weight, &x[row.clone()], &dy[row], dx));
        });
        if let Some((id, _)) = trained {
            self.add_weight_gradient(x, dy, gradients.get_mut(id));
        }
    }

    /// Whether the weight is trained.
    pub(crate) fn is_trained(&self, pass: &Pass<'_>) -> bool {
        pass.adapters.saved.contains_key(&self.module)
    }

    /// The weight that is trained in place of the frozen one.
    fn trained(&self, pass: &Pass<'_>) -> Option<(ParameterId, Vec<f32>)> {
        let id = *pass.adapters.saved.get(&self.module)?;
        let values = pass.adapters.values(id);
        Some((id, values.iter().map(|value| value + self.offset).collect()))
    }

    /// Reciprocal of a row's root mean square.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn reciprocal(&self, x: &[f32]) -> f32 {
        (dot(x, x) / x.len() as f32 + self.epsilon).sqrt().recip()
    }

    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn normalize(&self, weight: &[f32], x: &[f32], y: &mut [f32]) {
        let reciprocal = self.reciprocal(x);
        for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
            *y = w * (x * reciprocal);
        }
    }

    /// With `r` the reciprocal and `g = w dy`: `dx += r g - x r^3 mean(g x)`.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn add_gradient(&self, weight: &[f32], x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let reciprocal = self.reciprocal(x);
        let along_x = dot_of_three(weight, dy, x) / x.len() as f32 * reciprocal.powi(3);
        for (((dx, x), dy), w) in dx.iter_mut().zip(x).zip(dy).zip(weight) {
            *dx += reciprocal * (w * dy) - along_x * x;
        }
    }

    /// `dw += sum over rows of dy x r`
    fn add_weight_gradient(&self, x: &[f32], dy: &[f32], gradient: &mut [f32]) {
        let width = self.weight.len();
        let mut parts = vec![0.0; x.len().div_ceil(ROWS_AT_ONCE * width) * width];
        let rows = x.par_chunks(ROWS_AT_ONCE * width).zip(dy.par_chunks(ROWS_AT_ONCE * width));
        parts.par_chunks_mut(width).zip(rows).for_each(|(part, (x, dy))| {
            for (x, dy) in x.chunks(width).zip(dy.chunks(width)) {
                vectorized(|| {
                    let reciprocal = self.reciprocal(x);
                    for ((part, x), dy) in part.iter_mut().zip(x).zip(dy) {
                        *part += dy * (x * reciprocal);
                    }
                });
            }
        });
        for part in parts.chunks(width) {
            gradient.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
    }
}

#[cfg(test)]
mod tests {
    use olive_kit_testing::random;

    use super::*;
    use crate::finite_differences::check;

    #[test]
    fn the_gradient_is_the_slope() {
        let weight = random(40, 1).iter().map(|value| 1.0 + value).collect();
        let (norm, adapters) = (Norm::new(weight, 1e-5), Adapters::none());
        let pass = Pass::inference(&adapters);
        let forward = |x: &[&[f32]]| {
            let mut y = vec![0.0; x[0].len()];
            norm.forward(x[0], &mut y, &pass);
            y
        };
        check(&[3 * 40], forward, |x, dy| {
            let mut dx = vec![0.0; dy.len()];
            norm.backward(x[0], dy, &mut dx, &pass, &mut Gradients::zeros(&[]));
            vec![dx]
        });
    }
}
