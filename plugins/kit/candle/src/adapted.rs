//! LoRA and `DoRA`.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021); Liu et al., "`DoRA`:
//! Weight-Decomposed Low-Rank Adaptation" (2024).

use candle_core::{D, DType, Result, Tensor};
use olive_kit_adapters::ParameterId;
use olive_kit_decoder::dropout::Mask;

use crate::parameters::DeviceGradients;

/// The factors of one layer in one pass; the scale is in `B`.
pub(crate) struct Lora<'a> {
    /// `[rank, in_features]`
    pub(crate) a: &'a Tensor,
    /// `[out_features, rank]`
    pub(crate) b: &'a Tensor,
    pub(crate) ids: (ParameterId, ParameterId),
    pub(crate) mask: Option<Mask>,
}

impl Lora<'_> {
    /// Adds `(drop(x) A^T) B^T` to `y`.
    pub(crate) fn forward(&self, x: &Tensor, y: Tensor) -> Result<Tensor> {
        y + self.low(&self.dropped(x)?)?
    }

    /// With `u = drop(x) A^T` and `v = dy B`: adds `dy^T u` to the gradient of `B` and
    /// `v^T drop(x)` to that of `A`, and gives `drop(v A)`.
    pub(crate) fn backward(
        &self,
        x: &Tensor,
        dy: &Tensor,
        needs_input: bool,
        gradients: &mut DeviceGradients,
    ) -> Result<Option<Tensor>> {
        let dx = self.backward_dropped(&self.dropped(x)?, dy, needs_input, gradients)?;
        dx.map(|dx| self.dropped(&dx)).transpose()
    }

    /// `(x A^T) B^T` of what dropout left of `x`.
    fn low(&self, dropped: &Tensor) -> Result<Tensor> {
        dropped.matmul(&self.a.t()?)?.matmul(&self.b.t()?)
    }

    /// The gradients from what dropout left of `x`; gives `v A`.
    fn backward_dropped(
        &self,
        dropped: &Tensor,
        dy: &Tensor,
        needs_input: bool,
        gradients: &mut DeviceGradients,
    ) -> Result<Option<Tensor>> {
        let (u, v) = (dropped.matmul(&self.a.t()?)?, dy.matmul(self.b)?);
        gradients.add(self.ids.1, dy.t()?.matmul(&u)?)?;
        gradients.add(self.ids.0, v.t()?.matmul(dropped)?)?;
        needs_input.then(|| v.matmul(self.a)).transpose()
    }

    /// `drop(values)`, its own derivative.
    fn dropped(&self, values: &Tensor) -> Result<Tensor> {
        self.mask.map_or_else(|| Ok(values.clone()), |mask| drop_entries(values, mask))
    }
}

/// `DoRA` in one layer and pass: with `g = magnitude / |W + B A|` (norms of rows, taken as
/// constants) the layer gives `W x + (g - 1) W x' + g B A x'` where `x' = drop(x)`.
pub(crate) struct Dora<'a> {
    lora: Lora<'a>,
    weight: &'a Tensor,
    magnitude: ParameterId,
    /// Norm of each row of `W + B A`, `[out_features]` in f32.
    norms: Tensor,
    /// `g`, in the type of the weight.
    factors: Tensor,
}

impl<'a> Dora<'a> {
    pub(crate) fn new(
        lora: Lora<'a>,
        weight: &'a Tensor,
        id: ParameterId,
        magnitude: &Tensor,
    ) -> Result<Self> {
        let wide = |tensor: &Tensor| tensor.to_dtype(DType::F32);
        let adapted = (wide(weight)? + wide(lora.b)?.matmul(&wide(lora.a)?)?)?;
        let norms = adapted.sqr()?.sum(D::Minus1)?.sqrt()?;
        let factors = (wide(magnitude)? / &norms)?.to_dtype(weight.dtype())?;
        Ok(Self { lora, weight, magnitude: id, norms, factors })
    }

    /// Makes the layer's output of `y`, which is `W x`.
    pub(crate) fn forward(&self, x: &Tensor, y: Tensor) -> Result<Tensor> {
        if self.lora.mask.is_none() {
            return (y + self.lora.low(x)?)?.broadcast_mul(&self.factors);
        }
        let sum = self.sum(&self.lora.dropped(x)?)?;
        y + (sum[0].broadcast_mul(&(&self.factors - 1.0)?)?
            + sum[1].broadcast_mul(&self.factors)?)?
    }

    /// With `dz = g dy`: LoRA's gradients from `dz`, `dx = dz W + dz B A` (through dropout where
    /// there is some) and, for each row, the sum over `dy (W x' + B A x') / norm`.
    pub(crate) fn backward(
        &self,
        x: &Tensor,
        dy: &Tensor,
        needs_input: bool,
        gradients: &mut DeviceGradients,
    ) -> Result<Option<Tensor>> {
        let dropped = self.lora.dropped(x)?;
        let [base, low] = self.sum(&dropped)?;
        let along = ((base + low)?.to_dtype(DType::F32)? * dy.to_dtype(DType::F32)?)?;
        gradients.add(self.magnitude, (along.sum(0)? / &self.norms)?)?;

        let dz = dy.broadcast_mul(&self.factors)?;
        let low = self.lora.backward_dropped(&dropped, &dz, needs_input, gradients)?;
        let Some(low) = low else { return Ok(None) };
        if self.lora.mask.is_none() {
            return (dz.matmul(self.weight)? + low).map(Some);
        }
        let through = ((dz - dy)?.matmul(self.weight)? + low)?;
        (dy.matmul(self.weight)? + self.lora.dropped(&through)?).map(Some)
    }

    /// `W x'` and `B A x'`.
    fn sum(&self, dropped: &Tensor) -> Result<[Tensor; 2]> {
        Ok([dropped.matmul(&self.weight.t()?)?, self.lora.low(dropped)?])
    }
}

/// `values` with the dropped entries 0 and the others scaled.
pub(crate) fn drop_entries(values: &Tensor, mask: Mask) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if values.device().is_cuda() {
        return crate::kernels::drop_entries(values, mask);
    }
    let mut factors = vec![1.0_f32; values.elem_count()];
    mask.apply(&mut factors);
    let factors = Tensor::from_vec(factors, values.shape(), values.device())?;
    values * factors.to_dtype(values.dtype())?
}
