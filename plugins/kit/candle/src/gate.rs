//! The gate of the MLP: `activation(gate) * up`.
//!
//! Shazeer, "GLU Variants Improve Transformer" (2020). Both halves come in one tensor,
//! `[rows, 2 width]`, or in two.

use candle_core::{D, DType, Result, Tensor};
use olive_kit_checkpoint::Activation;

/// `sqrt(2 / pi)` and the cubic's factor of GELU's approximation.
const GELU: [f64; 2] = [0.797_884_560_802_865_4, 0.044_715];

/// `activation(gate) * up`, `[rows, width]`.
pub(crate) fn forward(activation: Activation, gate_up: &[Tensor]) -> Result<Tensor> {
    let [gate, up] = halves(gate_up)?;
    #[cfg(feature = "cuda")]
    if gate.device().is_cuda() {
        return crate::kernels::gate(activation, &gate.contiguous()?, &up.contiguous()?);
    }
    let [value, _] = value_and_slope(activation, &gate.to_dtype(DType::F32)?)?;
    (value * up.to_dtype(DType::F32)?)?.to_dtype(gate.dtype())
}

/// The gradients of gate and up, in one tensor or two as they are, from `dy`, `[rows, width]`.
///
/// With `a` the activation: `dgate = dy up a'(gate)` and `dup = dy a(gate)`.
pub(crate) fn backward(
    activation: Activation,
    gate_up: &[Tensor],
    dy: &Tensor,
) -> Result<Vec<Tensor>> {
    let [gate, up] = halves(gate_up)?;
    let [of_gate, of_up] = gradients(activation, &gate, &up, dy)?;
    match gate_up {
        [_] => Ok(vec![Tensor::cat(&[of_gate, of_up], D::Minus1)?]),
        _ => Ok(vec![of_gate, of_up]),
    }
}

fn gradients(
    activation: Activation,
    gate: &Tensor,
    up: &Tensor,
    dy: &Tensor,
) -> Result<[Tensor; 2]> {
    #[cfg(feature = "cuda")]
    if gate.device().is_cuda() {
        return crate::kernels::gate_gradients(
            activation,
            &gate.contiguous()?,
            &up.contiguous()?,
            dy,
        );
    }
    let wide = gate.to_dtype(DType::F32)?;
    let [value, slope] = value_and_slope(activation, &wide)?;
    let dy = dy.to_dtype(DType::F32)?;
    let of_gate = ((&dy * up.to_dtype(DType::F32)?)? * slope)?;
    Ok([of_gate.to_dtype(gate.dtype())?, (dy * value)?.to_dtype(gate.dtype())?])
}

fn halves(gate_up: &[Tensor]) -> Result<[Tensor; 2]> {
    match gate_up {
        [both] => {
            let width = both.dim(D::Minus1)? / 2;
            Ok([both.narrow(D::Minus1, 0, width)?, both.narrow(D::Minus1, width, width)?])
        }
        [gate, up, ..] => Ok([gate.clone(), up.clone()]),
        [] => candle_core::bail!("a gate without values"),
    }
}

/// The activation of `x` and its derivative.
fn value_and_slope(activation: Activation, x: &Tensor) -> Result<[Tensor; 2]> {
    match activation {
        // x s and s (1 + x (1 - s)) with s = sigmoid(x)
        Activation::Silu => {
            let sigmoid = candle_nn::ops::sigmoid(x)?;
            let slope = ((x * sigmoid.affine(-1.0, 1.0)?)? + 1.0)?;
            Ok([(x * &sigmoid)?, (slope * sigmoid)?])
        }
        // (1 + t) / 2 x with t = tanh(u), u = sqrt(2 / pi) (x + 0.044715 x^3)
        Activation::GeluTanh => {
            let [root, cubic] = GELU;
            let square = x.sqr()?;
            let tanh = ((x * square.affine(root * cubic, root)?)?).tanh()?;
            let inner_slope = square.affine(3.0 * root * cubic, root)?;
            let share = tanh.affine(0.5, 0.5)?;
            let bend = (tanh.sqr()?.affine(-0.5, 0.5)? * inner_slope)?;
            Ok([(x * &share)?, (share + (x * bend)?)?])
        }
    }
}
