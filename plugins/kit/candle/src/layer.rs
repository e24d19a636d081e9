//! One layer: attention and MLP, each after a norm and added to its input, forward and backward.
//!
//! What the forward keeps for the backward are the layer's input, rotated queries, keys and values,
//! the attention, the stream between attention and MLP, and gate and up; norms, scores and the
//! gate's product are computed again.

use candle_core::{D, DType, Device, Result, Tensor};
use olive_kit_checkpoint::{self as checkpoint, Activation, Checkpoint};
use olive_kit_decoder::DecoderError;

use crate::attention::{Attention, Heads};
use crate::gate;
use crate::linear::{Linear, columns};
use crate::norm::Norm;
use crate::parameters::DeviceGradients;
use crate::pass::Pass;

/// The weights of one layer.
#[derive(Debug)]
pub(crate) struct Layer {
    attention_norm: Norm,
    /// One fused projection, or query, key and value.
    qkv: Vec<Linear>,
    /// Of each query head and of each key head.
    head_norms: Option<[Norm; 2]>,
    output: Linear,
    /// Of attention's output, where the family has one.
    attention_output_norm: Option<Norm>,
    mlp_norm: Norm,
    /// One fused projection, or gate and up.
    gate_up: Vec<Linear>,
    down: Linear,
    /// Of the MLP's output, where the family has one.
    mlp_output_norm: Option<Norm>,
    activation: Activation,
    head_dim: usize,
    /// Columns of queries, keys and values.
    widths: [usize; 3],
}

/// What one layer keeps of its forward.
#[derive(Debug)]
pub(crate) struct Kept {
    input: Tensor,
    /// Query and key heads before their norms.
    unnormed: Option<[Tensor; 2]>,
    heads: Heads,
    attended: Tensor,
    attention_output: Option<Tensor>,
    middle: Tensor,
    gate_up: Vec<Tensor>,
    mlp_output: Option<Tensor>,
}

impl Layer {
    pub(crate) fn load(
        checkpoint: &Checkpoint,
        index: usize,
        dtype: DType,
        device: &Device,
    ) -> std::result::Result<Self, DecoderError> {
        let decoder = checkpoint.decoder();
        let load = |linear: &checkpoint::Linear| Linear::load(checkpoint, linear, dtype, device);
        let linears = decoder.layer_linears(index);
        let norm = |name: &str| Norm::load(checkpoint, name, device);
        let optional = |name: Option<String>| name.map(|name| norm(&name)).transpose();
        let norms = decoder.norms(index);
        let head_norms = match norms.heads {
            Some([queries, keys]) => Some([norm(&queries)?, norm(&keys)?]),
            None => None,
        };
        Ok(Self {
            attention_norm: norm(&norms.attention)?,
            qkv: linears.qkv.iter().map(load).collect::<std::result::Result<_, _>>()?,
            head_norms,
            output: load(&linears.output)?,
            attention_output_norm: optional(norms.attention_output)?,
            mlp_norm: norm(&norms.mlp)?,
            gate_up: linears.gate_up.iter().map(load).collect::<std::result::Result<_, _>>()?,
            down: load(&linears.down)?,
            mlp_output_norm: optional(norms.mlp_output)?,
            activation: decoder.activation,
            head_dim: decoder.head_dim,
            widths: [decoder.query_width(), decoder.kv_width(), decoder.kv_width()],
        })
    }

    /// The residual stream, `[rows, hidden_size]`, past this layer, and what the backward needs.
    pub(crate) fn forward(
        &self,
        hidden: &Tensor,
        attention: &Attention<'_>,
        pass: &Pass<'_>,
    ) -> Result<(Tensor, Kept)> {
        let normed = self.attention_norm.forward(hidden, pass)?;
        let [queries, keys, values] = self.parts(project(&self.qkv, &normed, pass)?)?;
        let (queries, keys, unnormed) = match &self.head_norms {
            Some([of_queries, of_keys]) => {
                let unnormed = [self.by_head(&queries)?, self.by_head(&keys)?];
                let normed_queries = of_queries.forward(&unnormed[0], pass)?;
                let normed_keys = of_keys.forward(&unnormed[1], pass)?;
                let queries = normed_queries.reshape(queries.shape())?;
                (queries, normed_keys.reshape(keys.shape())?, Some(unnormed))
            }
            None => (queries, keys, None),
        };
        let heads = attention.heads([&queries, &keys, &values])?;
        let attended = attention.forward(&heads)?;
        let output = self.output.forward(&attended, pass)?;
        let (middle, attention_output) =
            add_output(self.attention_output_norm.as_ref(), hidden, output, pass)?;

        let normed = self.mlp_norm.forward(&middle, pass)?;
        let gate_up = project(&self.gate_up, &normed, pass)?;
        let gated = gate::forward(self.activation, &gate_up)?;
        let output = self.down.forward(&gated, pass)?;
        let (hidden_after, mlp_output) =
            add_output(self.mlp_output_norm.as_ref(), &middle, output, pass)?;
        let input = hidden.clone();
        let kept = Kept {
            input,
            unnormed,
            heads,
            attended,
            attention_output,
            middle,
            gate_up,
            mlp_output,
        };
        Ok((hidden_after, kept))
    }

    /// The gradient of this layer's input, from that of its output. Without `needs_input` only what
    /// is trained gets gradients, and what comes back is none.
    pub(crate) fn backward(
        &self,
        gradient: &Tensor,
        kept: &Kept,
        attention: &Attention<'_>,
        needs_input: bool,
        pass: &Pass<'_>,
        gradients: &mut DeviceGradients,
    ) -> Result<Tensor> {
        let gradient = self.backward_mlp(gradient, kept, pass, gradients)?;
        self.backward_attention(&gradient, kept, attention, needs_input, pass, gradients)
    }

    fn backward_mlp(
        &self,
        gradient: &Tensor,
        kept: &Kept,
        pass: &Pass<'_>,
        gradients: &mut DeviceGradients,
    ) -> Result<Tensor> {
        let norm = self.mlp_output_norm.as_ref();
        let dy = output_gradient(norm, gradient, kept.mlp_output.as_ref(), pass, gradients)?;
        let gated = if self.down.needs_input(pass) {
            gate::forward(self.activation, &kept.gate_up)?
        } else {
            dy.clone()
        };
        let of_gated = needed(self.down.backward(&gated, &dy, true, pass, gradients)?)?;
        let of_gate_up = gate::backward(self.activation, &kept.gate_up, &of_gated)?;
        let more =
            backward_projections(&self.gate_up, &self.mlp_norm, &of_gate_up, &kept.middle, pass);
        gradient + needed(more(true, gradients)?)?
    }

    fn backward_attention(
        &self,
        gradient: &Tensor,
        kept: &Kept,
        attention: &Attention<'_>,
        needs_input: bool,
        pass: &Pass<'_>,
        gradients: &mut DeviceGradients,
    ) -> Result<Tensor> {
        let norm = self.attention_output_norm.as_ref();
        let dy = output_gradient(norm, gradient, kept.attention_output.as_ref(), pass, gradients)?;
        let of_attended = self.output.backward(&kept.attended, &dy, true, pass, gradients)?;
        let mut parts = attention.backward(&kept.heads, &needed(of_attended)?)?;
        if let (Some(norms), Some(unnormed)) = (&self.head_norms, &kept.unnormed) {
            for ((norm, unnormed), part) in norms.iter().zip(unnormed).zip(&mut parts) {
                let dy = self.by_head(part)?;
                *part = norm.backward(unnormed, &dy, pass, gradients)?.reshape(part.shape())?;
            }
        }
        let of_qkv = match self.qkv.len() {
            1 => vec![Tensor::cat(&parts, D::Minus1)?],
            _ => parts.to_vec(),
        };
        let more =
            backward_projections(&self.qkv, &self.attention_norm, &of_qkv, &kept.input, pass);
        match more(needs_input, gradients)? {
            Some(more) => gradient + more,
            None => Ok(gradient.clone()),
        }
    }

    /// Queries, keys and values, `[rows, width]` each.
    fn parts(&self, projected: Vec<Tensor>) -> Result<[Tensor; 3]> {
        let parts = match projected.as_slice() {
            [fused] => columns(fused, &self.widths)?,
            _ => projected,
        };
        <[Tensor; 3]>::try_from(parts)
            .map_err(|parts| candle_core::Error::Msg(format!("{} projections", parts.len())))
    }

    /// `[rows, heads * head_dim]` as `[rows * heads, head_dim]`.
    fn by_head(&self, rows: &Tensor) -> Result<Tensor> {
        rows.reshape(((), self.head_dim))
    }
}

/// What each projection makes of `normed`.
fn project(linears: &[Linear], normed: &Tensor, pass: &Pass<'_>) -> Result<Vec<Tensor>> {
    linears.iter().map(|linear| linear.forward(normed, pass)).collect()
}

/// Adds an output to the residual stream, normed where there is a norm, which needs it again.
fn add_output(
    norm: Option<&Norm>,
    hidden: &Tensor,
    output: Tensor,
    pass: &Pass<'_>,
) -> Result<(Tensor, Option<Tensor>)> {
    match norm {
        Some(norm) => Ok(((hidden + norm.forward(&output, pass)?)?, Some(output))),
        None => Ok(((hidden + output)?, None)),
    }
}

/// The gradient of an output before the norm it went through, if any.
fn output_gradient(
    norm: Option<&Norm>,
    gradient: &Tensor,
    output: Option<&Tensor>,
    pass: &Pass<'_>,
    gradients: &mut DeviceGradients,
) -> Result<Tensor> {
    match (norm, output) {
        (Some(norm), Some(output)) => norm.backward(output, gradient, pass, gradients),
        _ => Ok(gradient.clone()),
    }
}

/// From the gradients of projections to that of the residual stream `before` their norm.
fn backward_projections<'a>(
    linears: &'a [Linear],
    norm: &'a Norm,
    from_above: &'a [Tensor],
    before: &'a Tensor,
    pass: &'a Pass<'a>,
) -> impl FnOnce(bool, &mut DeviceGradients) -> Result<Option<Tensor>> + 'a {
    move |needs_input, gradients| {
        let normed = if linears.iter().any(|linear| linear.needs_input(pass)) {
            norm.forward(before, pass)?
        } else {
            before.clone()
        };
        let needs_input = needs_input || norm.is_trained(pass);
        let mut of_normed: Option<Tensor> = None;
        for (linear, dy) in linears.iter().zip(from_above) {
            let dx = linear.backward(&normed, dy, needs_input, pass, gradients)?;
            of_normed = match (of_normed, dx) {
                (Some(sum), Some(dx)) => Some((sum + dx)?),
                (sum, dx) => sum.or(dx),
            };
        }
        let of_normed = of_normed.filter(|_| needs_input);
        of_normed.map(|dy| norm.backward(before, &dy, pass, gradients)).transpose()
    }
}

/// A gradient that was asked for.
fn needed(gradient: Option<Tensor>) -> Result<Tensor> {
    gradient.ok_or_else(|| candle_core::Error::Msg("a gradient is missing".to_owned()))
}
