//! A linear layer with a frozen weight, with or without LoRA.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use olive_kit_checkpoint::{self as checkpoint, Checkpoint, CheckpointError};

use crate::layer::Variation;
use crate::ops::frozen_linear::FrozenLinear;
use crate::ops::lora_linear::LoraLinear;
use crate::weight::Weight;

/// `y = W x`, adapted where the adapters name it.
#[derive(Debug)]
pub(crate) struct Linear {
    module: String,
    weight: Arc<Weight>,
}

impl Linear {
    pub(crate) fn new(module: String, weight: Arc<Weight>) -> Self {
        Self { module, weight }
    }

    pub(crate) fn load(
        checkpoint: &Checkpoint,
        linear: &checkpoint::Linear,
    ) -> std::result::Result<Self, CheckpointError> {
        let weight = Weight::load(checkpoint, &format!("{}.weight", linear.name))?;
        Ok(Self::new(linear.name.clone(), Arc::new(weight)))
    }

    pub(crate) fn weight(&self) -> &Arc<Weight> {
        &self.weight
    }

    /// `y`, `[rows, out_features]`, of `x`, `[rows, in_features]`.
    pub(crate) fn forward(&self, x: &Tensor, variation: Option<Variation<'_>>) -> Result<Tensor> {
        let weight = Arc::clone(&self.weight);
        let lora = variation.and_then(|variation| {
            let layer = variation.adapters.get(&self.module)?;
            let mask = variation.pass.and_then(|pass| pass.mask(&self.module, layer.dropout));
            Some((layer, mask))
        });
        match lora {
            Some((layer, mask)) => {
                x.apply_op3(&layer.a, &layer.b, LoraLinear::new(weight, layer.scale, mask))
            }
            None => x.apply_op1(FrozenLinear::new(weight)),
        }
    }
}
