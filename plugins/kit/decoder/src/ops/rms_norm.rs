//! RMS norm with a frozen weight.
//!
//! Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::rows::for_each_row;
use crate::values::{borrow, gradient, input, output};
use olive_kit_kernels::vector::{dot, vectorized};

/// `y = w x / sqrt(mean(x^2) + epsilon)`, row by row.
#[derive(Debug, Clone)]
pub(crate) struct RmsNorm {
    weight: Arc<Vec<f32>>,
    epsilon: f32,
}

impl RmsNorm {
    #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
    pub(crate) fn new(weight: Arc<Vec<f32>>, epsilon: f64) -> Self {
        Self { weight, epsilon: epsilon as f32 }
    }

    /// Reciprocal of a row's root mean square.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn reciprocal(&self, x: &[f32]) -> f32 {
        (dot(x, x) / x.len() as f32 + self.epsilon).sqrt().recip()
    }

    fn normalize(&self, x: &[f32], y: &mut [f32]) {
        let reciprocal = self.reciprocal(x);
        for ((y, x), w) in y.iter_mut().zip(x).zip(self.weight.iter()) {
            *y = w * (x * reciprocal);
        }
    }

    /// With `r` the reciprocal and `g = w dy`: `dx = r g - x r^3 mean(g x)`.
    fn gradient(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let reciprocal = self.reciprocal(x);
        for ((dx, dy), w) in dx.iter_mut().zip(dy).zip(self.weight.iter()) {
            *dx = w * dy;
        }
        let along_x = dot(dx, x) / x.len() as f32 * reciprocal.powi(3);
        for (dx, x) in dx.iter_mut().zip(x) {
            *dx = reciprocal * *dx - along_x * x;
        }
    }
}

impl CustomOp1 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, width) = (input(storage, layout)?, self.weight.len());
        let mut y = vec![0.0; x.len()];
        for_each_row(&mut y, width, |row, y| {
            vectorized(|| self.normalize(&x[row * width..][..width], y));
        });
        Ok(output(y, layout.shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (values, from_above, width) = (borrow(x)?, borrow(dy)?, self.weight.len());
        let (values, from_above) = (&*values, &*from_above);
        let mut dx = vec![0.0; values.len()];
        for_each_row(&mut dx, width, |row, dx| {
            let row = row * width..(row + 1) * width;
            vectorized(|| self.gradient(&values[row.clone()], &from_above[row], dx));
        });
        gradient(dx, x).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::finite_differences::{check, random};

    #[test]
    fn the_gradient_is_the_slope() {
        let weight = random(40, 1).iter().map(|value| 1.0 + value).collect();
        let norm = RmsNorm::new(Arc::new(weight), 1e-5);
        check(&[&[3, 40]], |x| x[0].apply_op1(norm.clone()));
    }
}
