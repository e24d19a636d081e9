//! `DoRA`: rows of the adapted weight are brought to a trained length.
//!
//! Liu et al., "`DoRA`: Weight-Decomposed Low-Rank Adaptation" (2024), as PEFT computes it: with
//! `g = magnitude / |W + scale B A|` (norms of rows, taken as constants), the layer gives
//! `W x + (g - 1) W x' + g scale B A x'` where `x' = drop(x)`.

use olive_kit_adapters::{Gradients, ParameterId};
use olive_kit_kernels::product::multiply;
use olive_kit_kernels::vector::{dot, vectorized};
use olive_kit_kernels::{Accumulate, FrozenMatrix, MatrixMut, Threads};

use super::lora::Lora;
use crate::input::{Input, InputGradient};
use crate::rows::for_each_row;
use crate::scratch::Scratch;

/// Squares of the norms of the rows of `weight`.
pub(crate) fn row_squares(weight: &FrozenMatrix) -> Vec<f32> {
    let mut squares = vec![0.0; weight.rows()];
    for_each_row(&mut squares, 1, |row, square| {
        let mut values = vec![0.0; weight.columns()];
        weight.row(row, &mut values);
        square[0] = vectorized(|| dot(&values, &values));
    });
    squares
}

/// Norms of the rows of `W + scale B A`, `[out_features]`.
///
/// Of the square, `|W|^2 + 2 scale W (B A) + scale^2 |B A|^2`, the first term is known, the second
/// is `B` times `A W^T` and the third is `B (A A^T) B^T`, row by row, so that neither the sum nor
/// `B A` is formed.
pub(crate) fn norms(
    lora: &Lora<'_>,
    weight: &FrozenMatrix,
    row_squares: &[f32],
    scratch: &mut Scratch,
) -> Vec<f32> {
    let (rank, out_features) = (lora.rank(), lora.out_features());
    let mut across = scratch.take(rank * out_features);
    let a: Vec<f32> = (0..rank).flat_map(|row| lora.a.row(row).iter().copied()).collect();
    weight.forward(&a, &mut across, Accumulate::No);
    let mut gram = vec![0.0; rank * rank];
    let into = MatrixMut::new(&mut gram, rank, rank);
    multiply(into, lora.a, lora.a.transposed(), 1.0, Threads::All);
    let mut norms = vec![0.0; out_features];
    for_each_row(&mut norms, 1, |row, norm| {
        let b = lora.b.row(row);
        let mixed: f32 = (0..rank).map(|r| b[r] * across[r * out_features + row]).sum();
        let own: f32 = (0..rank).map(|r| b[r] * dot(&gram[r * rank..][..rank], b)).sum();
        let square = row_squares[row] + 2.0 * lora.scale * mixed + lora.scale * lora.scale * own;
        norm[0] = square.max(f32::MIN_POSITIVE).sqrt();
    });
    scratch.give(across);
    norms
}

/// `magnitude / norm` of each row.
pub(crate) fn factors(magnitude: &[f32], norms: &[f32]) -> Vec<f32> {
    magnitude.iter().zip(norms).map(|(magnitude, norm)| magnitude / norm).collect()
}

/// Makes the layer's output of `y`, which holds `W x`.
pub(crate) fn forward(
    lora: &Lora<'_>,
    weight: &FrozenMatrix,
    factors: &[f32],
    x: &Input<'_>,
    y: &mut [f32],
    scratch: &mut Scratch,
) {
    let Some(dropped) = lora.dropped(x.values, scratch) else {
        lora.forward_dropped(x, y, scratch);
        scale_columns(y, factors);
        return;
    };
    let seen = lora.input(&dropped);
    let mut base = scratch.take(y.len());
    weight.forward_packed(&seen.packed, &mut base, Accumulate::No);
    let mut low = scratch.zeros(y.len());
    lora.forward_dropped(&seen, &mut low, scratch);
    let width = factors.len();
    for_each_row(y, width, |row, y| {
        let (base, low) = (&base[row * width..][..width], &low[row * width..][..width]);
        for (((y, base), low), factor) in y.iter_mut().zip(base).zip(low).zip(factors) {
            *y += (factor - 1.0) * base + factor * low;
        }
    });
    scratch.give_all([base, low, dropped]);
}

/// One layer in one pass.
pub(crate) struct Dora<'a> {
    pub(crate) lora: Lora<'a>,
    pub(crate) weight: &'a FrozenMatrix,
    pub(crate) norms: Vec<f32>,
    pub(crate) factors: Vec<f32>,
}

impl Dora<'_> {
    /// With `dz = g dy`: LoRA's gradients from `dz`, `dx = dz W + dz scale B A` (through dropout
    /// where there is some) and, for each row, the sum over `dy (W x' + scale B A x') / norm`.
    pub(crate) fn backward(
        &self,
        x: &Input<'_>,
        dy: &[f32],
        dx: InputGradient<'_>,
        ids: (ParameterId, ParameterId, ParameterId),
        gradients: &mut Gradients,
        scratch: &mut Scratch,
    ) {
        let Some(dropped) = self.lora.dropped(x.values, scratch) else {
            self.backward_dropped(x, dy, dx, ids, gradients, scratch);
            return;
        };
        let seen = self.lora.input(&dropped);
        self.backward_dropped(&seen, dy, dx, ids, gradients, scratch);
        scratch.give(dropped);
    }

    /// The same, of what dropout left of `x`.
    fn backward_dropped(
        &self,
        x: &Input<'_>,
        dy: &[f32],
        mut dx: InputGradient<'_>,
        (a, b, magnitude): (ParameterId, ParameterId, ParameterId),
        gradients: &mut Gradients,
        scratch: &mut Scratch,
    ) {
        let mut sum = scratch.take(dy.len());
        self.weight.forward_packed(&x.packed, &mut sum, Accumulate::No);
        self.lora.forward_dropped(x, &mut sum, scratch);
        self.add_magnitude_gradient(dy, &sum, gradients.get_mut(magnitude));

        let mut dz = sum;
        dz.copy_from_slice(dy);
        scale_columns(&mut dz, &self.factors);
        let out = Input::new(&dz, self.norms.len(), self.lora.precision);
        if let Some((dx, accumulate)) = &mut dx {
            match self.lora.mask {
                None => self.weight.backward_packed(&out.packed, dx, *accumulate),
                Some(mask) => {
                    self.weight.backward(dy, dx, *accumulate);
                    let mut more = scratch.take(dy.len());
                    more.iter_mut().zip(&dz).zip(dy).for_each(|((more, dz), dy)| *more = dz - dy);
                    let mut through = scratch.take(dx.len());
                    self.weight.backward(&more, &mut through, Accumulate::No);
                    mask.apply(&mut through);
                    dx.iter_mut().zip(&through).for_each(|(dx, through)| *dx += through);
                    scratch.give(more);
                    scratch.give(through);
                }
            }
        }
        let dx = dx.map(|(dx, _)| dx);
        self.lora.backward_dropped(x, &out, dx, (a, b), gradients, scratch);
        scratch.give(dz);
    }

    fn add_magnitude_gradient(&self, dy: &[f32], sum: &[f32], gradient: &mut [f32]) {
        let width = self.norms.len();
        for (dy, sum) in dy.chunks(width).zip(sum.chunks(width)) {
            for (((gradient, dy), sum), norm) in
                gradient.iter_mut().zip(dy).zip(sum).zip(&self.norms)
            {
                *gradient += dy * sum / norm;
            }
        }
    }
}

/// Multiplies each column of `rows` by its factor.
fn scale_columns(rows: &mut [f32], factors: &[f32]) {
    for_each_row(rows, factors.len(), |_, row| {
        vectorized(|| row.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor));
    });
}
