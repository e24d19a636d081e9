//! Our own kernels on a GPU: what passes compute between products, in one launch each.
//!
//! `kernels/kernels.cu` is compiled by NVRTC when the first kernel is needed, once per process, and
//! needs no headers. Each function here has a twin, composed of candle's operations, where it is
//! called; the two are compared by the tests that run on a GPU.

mod launch;
mod memory;

use std::ops::Range;

use candle_core::{D, DType, Result, Tensor};
use olive_kit_checkpoint::Activation;
use olive_kit_decoder::dropout::Mask;

pub(crate) use memory::keep_memory;
pub use memory::peak_memory;

use launch::{Argument, by_entry, by_row, empty, number};

/// RMS norm of each row of `x`, `[.., width]`; the weight is in f32.
pub(crate) fn norm(x: &Tensor, weight: &Tensor, epsilon: f64) -> Result<Tensor> {
    let (x, width) = (x.contiguous()?, weight.elem_count());
    let y = empty(x.shape(), x.dtype(), x.device())?;
    let arguments = [
        Argument::tensor(&x)?,
        Argument::tensor(weight)?,
        Argument::tensor(&y)?,
        number(width)?,
        Argument::float(epsilon),
    ];
    by_row("norm", &x, x.elem_count() / width, &arguments)?;
    Ok(y)
}

/// The gradient of `x`, from `dy` of its norm.
pub(crate) fn norm_gradient(
    x: &Tensor,
    dy: &Tensor,
    weight: &Tensor,
    epsilon: f64,
) -> Result<Tensor> {
    let (x, dy, width) = (x.contiguous()?, dy.contiguous()?, weight.elem_count());
    let dx = empty(x.shape(), x.dtype(), x.device())?;
    let arguments = [
        Argument::tensor(&x)?,
        Argument::tensor(&dy)?,
        Argument::tensor(weight)?,
        Argument::tensor(&dx)?,
        number(width)?,
        Argument::float(epsilon),
    ];
    by_row("norm_gradient", &x, x.elem_count() / width, &arguments)?;
    Ok(dx)
}

/// `activation(gate) * up`
pub(crate) fn gate(activation: Activation, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    let y = empty(gate.shape(), gate.dtype(), gate.device())?;
    let arguments = [
        Argument::tensor(gate)?,
        Argument::tensor(up)?,
        Argument::tensor(&y)?,
        Argument::Long(gate.elem_count() as u64),
        is_gelu(activation),
    ];
    by_entry("gate", gate, gate.elem_count(), &arguments)?;
    Ok(y)
}

/// The gradients of gate and up, from that of [`gate`].
pub(crate) fn gate_gradients(
    activation: Activation,
    gate: &Tensor,
    up: &Tensor,
    dy: &Tensor,
) -> Result<[Tensor; 2]> {
    let dy = dy.contiguous()?;
    let of_gate = empty(gate.shape(), gate.dtype(), gate.device())?;
    let of_up = empty(gate.shape(), gate.dtype(), gate.device())?;
    let arguments = [
        Argument::tensor(gate)?,
        Argument::tensor(up)?,
        Argument::tensor(&dy)?,
        Argument::tensor(&of_gate)?,
        Argument::tensor(&of_up)?,
        Argument::Long(gate.elem_count() as u64),
        is_gelu(activation),
    ];
    by_entry("gate_gradients", gate, gate.elem_count(), &arguments)?;
    Ok([of_gate, of_up])
}

/// `values` with the dropped entries 0 and the others scaled.
pub(crate) fn drop_entries(values: &Tensor, mask: Mask) -> Result<Tensor> {
    let values = values.contiguous()?;
    let kept = empty(values.shape(), values.dtype(), values.device())?;
    let arguments = [
        Argument::tensor(&values)?,
        Argument::tensor(&kept)?,
        Argument::Long(values.elem_count() as u64),
        Argument::Number(mask.key[0]),
        Argument::Number(mask.key[1]),
        Argument::Number(mask.threshold),
        Argument::Float(mask.scale),
    ];
    by_entry("drop_entries", &values, values.elem_count(), &arguments)?;
    Ok(kept)
}

/// How `Q K^T` becomes logits of the softmax.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scoring {
    pub(crate) num_heads: usize,
    pub(crate) scale: f64,
    pub(crate) softcap: Option<f64>,
}

/// Softmax over the keys each query sees, of a block of scores
/// `[batch, kv_heads, group * queries, keys]`.
pub(crate) fn probabilities(
    scores: &Tensor,
    visible: &Tensor,
    (queries, keys): (&Range<usize>, &Range<usize>),
    (seq, window): (usize, Option<usize>),
    scoring: Scoring,
) -> Result<Tensor> {
    let into = empty(scores.shape(), scores.dtype(), scores.device())?;
    let arguments = [
        Argument::tensor(scores)?,
        Argument::tensor(visible)?,
        Argument::tensor(&into)?,
        number(seq)?,
        number(scoring.num_heads * queries.len())?,
        number(queries.len())?,
        number(queries.start)?,
        number(keys.len())?,
        number(keys.start)?,
        Argument::Number(window.and_then(|window| window.try_into().ok()).unwrap_or(u32::MAX)),
        Argument::float(scoring.scale),
        cap(scoring.softcap),
    ];
    by_row("probabilities", scores, scores.elem_count() / keys.len(), &arguments)?;
    Ok(into)
}

/// The gradient of scores from that of their probabilities.
pub(crate) fn score_gradients(
    scores: &Tensor,
    probabilities: &Tensor,
    of_probabilities: &Tensor,
    scoring: Scoring,
) -> Result<Tensor> {
    let num_keys = scores.dim(D::Minus1)?;
    let into = empty(scores.shape(), scores.dtype(), scores.device())?;
    let arguments = [
        Argument::tensor(scores)?,
        Argument::tensor(probabilities)?,
        Argument::tensor(of_probabilities)?,
        Argument::tensor(&into)?,
        number(num_keys)?,
        Argument::float(scoring.scale),
        cap(scoring.softcap),
    ];
    by_row("score_gradients", scores, scores.elem_count() / num_keys, &arguments)?;
    Ok(into)
}

/// The loss of each row of logits, `[rows]` in f32.
pub(crate) fn losses(
    logits: &Tensor,
    labels: &Tensor,
    softcap: Option<f64>,
    smoothing: f64,
) -> Result<Tensor> {
    let (rows, vocab_size) = logits.dims2()?;
    let into = empty(rows, DType::F32, logits.device())?;
    let arguments = [
        Argument::tensor(logits)?,
        Argument::tensor(labels)?,
        Argument::tensor(&into)?,
        number(vocab_size)?,
        cap(softcap),
        Argument::float(smoothing),
    ];
    by_row("losses", logits, rows, &arguments)?;
    Ok(into)
}

/// The gradient of logits, of `share` times their losses.
pub(crate) fn loss_gradient(
    logits: &Tensor,
    labels: &Tensor,
    softcap: Option<f64>,
    smoothing: f64,
    share: f64,
) -> Result<Tensor> {
    let (rows, vocab_size) = logits.dims2()?;
    let into = empty(logits.shape(), logits.dtype(), logits.device())?;
    let arguments = [
        Argument::tensor(logits)?,
        Argument::tensor(labels)?,
        Argument::tensor(&into)?,
        number(vocab_size)?,
        cap(softcap),
        Argument::float(smoothing),
        Argument::float(share),
    ];
    by_row("loss_gradient", logits, rows, &arguments)?;
    Ok(into)
}

/// Which way to turn heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// From rows to heads, by the angle of the position.
    Forward,
    /// From heads to rows, by its opposite.
    Back,
}

/// `[batch, seq, heads, head_dim]` as `[batch, heads, seq, head_dim]`, or back, with the leading
/// entries of each head turned by angles `[batch, seq, rotary_dim / 2]`, if any.
///
/// Rows may be columns of wider ones.
pub(crate) fn turn_heads(
    values: &Tensor,
    tables: Option<(&Tensor, &Tensor)>,
    (batch, seq, head_dim): (usize, usize, usize),
    turn: Turn,
) -> Result<Tensor> {
    let num_heads = values.elem_count() / (batch * seq * head_dim);
    let (rows, width) = (batch * seq, num_heads * head_dim);
    let (values, stride, into) = match turn {
        Turn::Forward => {
            let is_row_major = values.rank() == 2 && values.stride()[1] == 1;
            let values = if is_row_major { values.clone() } else { values.contiguous()? };
            let stride = if is_row_major { values.stride()[0] } else { width };
            let shape = (batch, num_heads, seq, head_dim);
            let into = empty(shape, values.dtype(), values.device())?;
            (values, stride, into)
        }
        Turn::Back => {
            let into = empty((rows, width), values.dtype(), values.device())?;
            (values.contiguous()?, width, into)
        }
    };
    let half = tables.map_or(Ok(0), |(cos, _)| cos.dim(D::Minus1))?;
    let table = |table: Option<&Tensor>| table.map_or(Ok(Argument::Long(0)), Argument::tensor);
    let arguments = [
        Argument::start(&values)?,
        table(tables.map(|(cos, _)| cos))?,
        table(tables.map(|(_, sin)| sin))?,
        Argument::tensor(&into)?,
        number(seq)?,
        number(num_heads)?,
        number(head_dim)?,
        number(half)?,
        number(stride)?,
        Argument::Number(u32::from(turn == Turn::Back)),
        Argument::Long(into.elem_count() as u64),
    ];
    by_entry("turn_heads", &values, into.elem_count(), &arguments)?;
    Ok(into)
}

fn is_gelu(activation: Activation) -> Argument {
    Argument::Number(u32::from(activation == Activation::GeluTanh))
}

/// A limit; 0 is none.
fn cap(cap: Option<f64>) -> Argument {
    Argument::float(cap.unwrap_or(0.0))
}
