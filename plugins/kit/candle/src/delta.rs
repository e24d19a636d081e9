//! A weight's whole change, formed: `LoHa` and `LoKr`.
//!
//! Hyeon-Woo et al., "`FedPara`" (2021); Yeh et al., "Navigating Text-To-Image Customization: From
//! `LyCORIS` Fine-Tuning to Model Evaluation" (2023).

use candle_core::{Result, Tensor};
use olive_kit_adapters::{Factor, Layer, Method};
use olive_kit_decoder::dropout::Mask;

use crate::parameters::{DeviceGradients, Parameters};
use crate::pass::Pass;

/// What `LoHa` or `LoKr` adds to a weight in one pass; the scale is in the first factor.
pub(crate) struct Delta {
    method: Method,
    /// `[out_features, in_features]`
    pub(crate) formed: Tensor,
    /// What rank dropout makes of each row, `[out_features, 1]`.
    rows: Option<Tensor>,
}

impl Delta {
    /// Forms what is added to `weight`; `mask` drops rows.
    pub(crate) fn form(
        layer: &Layer,
        mask: Option<Mask>,
        weight: &Tensor,
        pass: &Pass<'_>,
    ) -> Result<Self> {
        let formed = match &layer.method {
            Method::Loha { w1_a, w1_b, w2_a, w2_b } => {
                let [w1_a, w1_b, w2_a, w2_b] =
                    [w1_a, w1_b, w2_a, w2_b].map(|id| pass.parameters.get(*id));
                (w1_a.matmul(w1_b)? * w2_a.matmul(w2_b)?)?
            }
            Method::Lokr { w1, w2 } => {
                let (w1, w2) = (factor(w1, pass.parameters)?, factor(w2, pass.parameters)?);
                let ((rows_1, columns_1), (rows_2, columns_2)) = (w1.dims2()?, w2.dims2()?);
                let w1 = w1.reshape((rows_1, 1, columns_1, 1))?;
                let w2 = w2.reshape((1, rows_2, 1, columns_2))?;
                w1.broadcast_mul(&w2)?.reshape((rows_1 * rows_2, columns_1 * columns_2))?
            }
            Method::Lora { .. } => candle_core::bail!("LoRA forms no whole change of a weight"),
        };
        let rows = mask.map(|mask| rows(mask, layer.drop.scales_rank, weight)).transpose()?;
        let formed = match &rows {
            Some(rows) => formed.broadcast_mul(rows)?,
            None => formed,
        };
        Ok(Self { method: layer.method.clone(), formed, rows })
    }

    /// Adds the gradients of the factors from that of what is added to the weight.
    ///
    /// `LoHa`: with `P1` and `P2` the two products, `dP1 = dD ∘ P2`, and of each product
    /// `P = A B`, `dA = dP B^T` and `dB = A^T dP`. `LoKr`: `dW1` is the sum over each block of
    /// `dD ∘ W2`, `dW2` the sum over all blocks of `dD` times their entry of `W1`.
    pub(crate) fn backward(
        &self,
        of_formed: &Tensor,
        pass: &Pass<'_>,
        gradients: &mut DeviceGradients,
    ) -> Result<()> {
        let of_formed = match &self.rows {
            Some(rows) => of_formed.broadcast_mul(rows)?,
            None => of_formed.clone(),
        };
        match &self.method {
            Method::Loha { w1_a, w1_b, w2_a, w2_b } => {
                let get = |id| pass.parameters.get(id);
                for (own, others) in
                    [((*w1_a, *w1_b), (w2_a, w2_b)), ((*w2_a, *w2_b), (w1_a, w1_b))]
                {
                    let other = get(*others.0).matmul(get(*others.1))?;
                    let of_product = (&of_formed * other)?;
                    gradients.add(own.0, of_product.matmul(&get(own.1).t()?)?)?;
                    gradients.add(own.1, get(own.0).t()?.matmul(&of_product)?)?;
                }
                Ok(())
            }
            Method::Lokr { w1: first, w2: second } => {
                let (w1, w2) = (factor(first, pass.parameters)?, factor(second, pass.parameters)?);
                let ((rows_1, columns_1), (rows_2, columns_2)) = (w1.dims2()?, w2.dims2()?);
                let blocks = of_formed.reshape((rows_1, rows_2, columns_1, columns_2))?;
                let wide_2 = w2.reshape((1, rows_2, 1, columns_2))?;
                let of_first = blocks.broadcast_mul(&wide_2)?.sum((1, 3))?;
                let wide_1 = w1.reshape((rows_1, 1, columns_1, 1))?;
                let of_second = blocks.broadcast_mul(&wide_1)?.sum((0, 2))?;
                add_factor(first, &of_first, pass.parameters, gradients)?;
                add_factor(second, &of_second, pass.parameters, gradients)
            }
            Method::Lora { .. } => Ok(()),
        }
    }
}

/// What rank dropout makes of each row: 0, or 1, scaled up where the method says so.
fn rows(mask: Mask, scales: bool, weight: &Tensor) -> Result<Tensor> {
    let out_features = weight.dims()[0];
    let keeps = |row: usize| mask.keeps(u32::try_from(row).unwrap_or(u32::MAX));
    let kept = (0..out_features).filter(|&row| keeps(row)).count();
    let factor = if scales { out_features as f32 / kept.max(1) as f32 } else { 1.0 };
    let rows: Vec<_> = (0..out_features).map(|row| if keeps(row) { factor } else { 0.0 }).collect();
    Tensor::from_vec(rows, (out_features, 1), weight.device())?.to_dtype(weight.dtype())
}

/// A factor, formed.
fn factor(factor: &Factor, parameters: &Parameters) -> Result<Tensor> {
    match factor {
        Factor::Whole(id) => Ok(parameters.get(*id).clone()),
        Factor::Product(a, b) => parameters.get(*a).matmul(parameters.get(*b)),
    }
}

/// Adds the gradient of the formed factor to what it is made of.
fn add_factor(
    factor: &Factor,
    gradient: &Tensor,
    parameters: &Parameters,
    gradients: &mut DeviceGradients,
) -> Result<()> {
    match factor {
        Factor::Whole(id) => gradients.add(*id, gradient.clone()),
        Factor::Product(a, b) => {
            gradients.add(*a, gradient.matmul(&parameters.get(*b).t()?)?)?;
            gradients.add(*b, parameters.get(*a).t()?.matmul(gradient)?)
        }
    }
}
