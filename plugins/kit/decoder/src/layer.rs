//! One layer: attention and MLP, each after a norm and added to its input.

use candle_core::{Result, Tensor};
use olive_kit_checkpoint::{Checkpoint, CheckpointError, Decoder, LinearRole};

use crate::adapters::Adapters;
use crate::dropout::Pass;
use crate::linear::Linear;
use crate::ops::rms_norm::RmsNorm;
use crate::ops::swiglu::{FusedSwiGlu, SwiGlu};
use crate::weight;

/// The weights of one layer.
#[derive(Debug)]
pub(crate) struct Layer {
    attention_norm: RmsNorm,
    /// One fused projection, or query, key and value.
    qkv: Vec<Linear>,
    output: Linear,
    mlp_norm: RmsNorm,
    /// One fused projection, or gate and up.
    gate_up: Vec<Linear>,
    down: Linear,
}

/// What makes one forward pass differ from that of the base model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variation<'a> {
    pub(crate) adapters: &'a Adapters,
    /// Masks of the adapters' inputs, while training.
    pub(crate) pass: Option<Pass>,
}

impl Layer {
    pub(crate) fn load(
        checkpoint: &Checkpoint,
        index: usize,
    ) -> std::result::Result<Self, CheckpointError> {
        let (mut qkv, mut output) = (Vec::new(), Vec::new());
        let (mut gate_up, mut down) = (Vec::new(), Vec::new());
        for linear in checkpoint.decoder().linears(index) {
            let place = match linear.role {
                LinearRole::Qkv | LinearRole::Query | LinearRole::Key | LinearRole::Value => {
                    &mut qkv
                }
                LinearRole::Output => &mut output,
                LinearRole::GateUp | LinearRole::Gate | LinearRole::Up => &mut gate_up,
                LinearRole::Down | LinearRole::LmHead => &mut down,
            };
            place.push(Linear::load(checkpoint, &linear)?);
        }
        Ok(Self {
            attention_norm: weight::norm(checkpoint, &Decoder::attention_norm(index))?,
            qkv,
            output: output.remove(0),
            mlp_norm: weight::norm(checkpoint, &Decoder::mlp_norm(index))?,
            gate_up,
            down: down.remove(0),
        })
    }

    /// The residual stream after this layer, `[rows, hidden_size]`; `attend` turns queries, keys
    /// and values, `[rows, query_width + 2 * kv_width]`, into what the heads give,
    /// `[rows, query_width]`.
    pub(crate) fn forward(
        &self,
        hidden: &Tensor,
        variation: Variation<'_>,
        attend: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let normed = hidden.apply_op1(self.attention_norm.clone())?;
        let attended = attend(&self.queries_keys_values(&normed, variation)?)?;
        let hidden = (hidden + self.output.forward(&attended, Some(variation))?)?;
        let normed = hidden.apply_op1(self.mlp_norm.clone())?;
        let gated = self.gate(&normed, variation)?;
        hidden + self.down.forward(&gated, Some(variation))?
    }

    fn queries_keys_values(&self, x: &Tensor, variation: Variation<'_>) -> Result<Tensor> {
        let parts = self.qkv.iter().map(|linear| linear.forward(x, Some(variation)));
        match parts.collect::<Result<Vec<_>>>()?.as_slice() {
            [fused] => Ok(fused.clone()),
            parts => Tensor::cat(parts, 1),
        }
    }

    fn gate(&self, x: &Tensor, variation: Variation<'_>) -> Result<Tensor> {
        let parts = self.gate_up.iter().map(|linear| linear.forward(x, Some(variation)));
        match parts.collect::<Result<Vec<_>>>()?.as_slice() {
            [gate, up] => gate.apply_op2(up, SwiGlu),
            parts => Tensor::cat(parts, 1)?.apply_op1(FusedSwiGlu),
        }
    }
}
