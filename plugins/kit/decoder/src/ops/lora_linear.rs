//! A frozen linear layer with LoRA beside it.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).

use std::borrow::Cow;
use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::frozen_linear::{backward, check_width, forward};
use crate::dropout::Mask;
use crate::values::{borrow, gradient, input, output};
use crate::weight::Weight;
use olive_kit_kernels::product::{Matrix, MatrixMut, Threads, add_product, multiply};
use olive_kit_kernels::vector::add;

/// `y = x W^T + scale (dropout(x) A^T) B^T`, of `x`, `A` and `B`.
///
/// Nothing is kept for the backward: the product with `A` is small enough to be made again.
#[derive(Debug)]
pub(crate) struct LoraLinear {
    weight: Arc<Weight>,
    scale: f32,
    mask: Option<Mask>,
}

impl LoraLinear {
    #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
    pub(crate) fn new(weight: Arc<Weight>, scale: f64, mask: Option<Mask>) -> Self {
        Self { weight, scale: scale as f32, mask }
    }

    fn dropped<'a>(&self, x: &'a [f32]) -> Cow<'a, [f32]> {
        let Some(mask) = self.mask else { return Cow::Borrowed(x) };
        let mut x = x.to_vec();
        mask.apply(&mut x);
        Cow::Owned(x)
    }

    /// Adds `scale v A`, through the mask, to the gradient of `x`.
    fn add_input_gradient(&self, dx: &mut [f32], v: Matrix<'_>, a: Matrix<'_>) {
        let (rows, width) = (v.num_rows(), a.num_columns());
        let Some(mask) = self.mask else {
            add_product(MatrixMut::new(dx, rows, width), v, a, self.scale, Threads::All);
            return;
        };
        let mut through = vec![0.0; dx.len()];
        let into = MatrixMut::new(&mut through, rows, width);
        multiply(into, v, a, self.scale, Threads::All);
        mask.apply(&mut through);
        add(dx, &through);
    }
}

impl CustomOp3 for LoraLinear {
    fn name(&self) -> &'static str {
        "lora-linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (in_features, out_features) = (self.weight.columns(), self.weight.rows());
        let rows = check_width(x_layout.dims(), in_features)?;
        let (x, rank) = (input(x, x_layout)?, a_layout.dims()[0]);
        let a = Matrix::new(input(a, a_layout)?, rank, in_features);
        let b = Matrix::new(input(b, b_layout)?, out_features, rank);
        let mut y = forward(&self.weight, x, rows);
        let x = self.dropped(x);
        let u = product(Matrix::new(&x, rows, in_features), a.transposed(), 1.0);
        let (u, into) = (Matrix::new(&u, rows, rank), MatrixMut::new(&mut y, rows, out_features));
        add_product(into, u, b.transposed(), self.scale, Threads::All);
        Ok(output(y, (rows, out_features)))
    }

    /// With `u = dropout(x) A^T` and `v = dy B`: `dB = scale dy^T u`, `dA = scale v^T dropout(x)`
    /// and `dx = dy W + dropout(scale v A)`.
    fn bwd(
        &self,
        x: &Tensor,
        a: &Tensor,
        b: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (rows, rank) = (x.dim(0)?, a.dim(0)?);
        let (x_values, a_values, b_values) = (borrow(x)?, borrow(a)?, borrow(b)?);
        let from_above = borrow(dy)?;
        let dropped = self.dropped(&x_values);
        let in_matrix = Matrix::new(&dropped, rows, self.weight.columns());
        let a_matrix = Matrix::new(&a_values, rank, self.weight.columns());
        let b_matrix = Matrix::new(&b_values, self.weight.rows(), rank);
        let dy_matrix = Matrix::new(&from_above, rows, self.weight.rows());

        let u = product(in_matrix, a_matrix.transposed(), 1.0);
        let v = product(dy_matrix, b_matrix, 1.0);
        let (u, v) = (Matrix::new(&u, rows, rank), Matrix::new(&v, rows, rank));
        let db = product(dy_matrix.transposed(), u, self.scale);
        let da = product(v.transposed(), in_matrix, self.scale);
        let mut dx = backward(&self.weight, &from_above);
        self.add_input_gradient(&mut dx, v, a_matrix);
        Ok((Some(gradient(dx, x)?), Some(gradient(da, a)?), Some(gradient(db, b)?)))
    }
}

fn product(left: Matrix<'_>, right: Matrix<'_>, scale: f32) -> Vec<f32> {
    let (rows, columns) = (left.num_rows(), right.num_columns());
    let mut values = vec![0.0; rows * columns];
    let into = MatrixMut::new(&mut values, rows, columns);
    multiply(into, left, right, scale, Threads::All);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dropout::Dropout;
    use crate::ops::finite_differences::{check, random};

    fn check_gradient(mask: Option<Mask>) {
        let weight = Arc::new(Weight::new(random(5 * 7, 3), 5, 7));
        check(&[&[4, 7], &[2, 7], &[5, 2]], |x| {
            x[0].apply_op3(&x[1], &x[2], LoraLinear::new(Arc::clone(&weight), 1.5, mask))
        });
    }

    #[test]
    fn the_gradient_is_the_slope() {
        check_gradient(None);
    }

    #[test]
    fn the_gradient_is_the_slope_under_dropout() {
        check_gradient(Dropout::new(7).next_pass().mask("layer", 0.4));
    }
}
