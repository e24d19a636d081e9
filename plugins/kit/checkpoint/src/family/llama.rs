//! Llama 2, 3, 3.1 to 3.3, and what copies their layout: `SmolLM` 1 and 2, `TinyLlama`.
//!
//! Touvron et al., "Llama 2" (2023); Dubey et al., "The Llama 3 Herd of Models" (2024).
//! A `sliding_window` in the config has no effect in transformers, and none here.

use super::{Defaults, Definition, activation, attention_biases, refuse_partial_rotation};
use crate::decoder::{Biases, Decoder};
use crate::error::CheckpointError;
use crate::fields::Fields;

pub(super) const DEFINITION: Definition = Definition {
    architecture: "LlamaForCausalLM",
    model_type: "llama",
    defaults: Defaults::PLAIN,
    refine,
};

fn refine(config: &Fields<'_>, decoder: &mut Decoder) -> Result<(), CheckpointError> {
    refuse_partial_rotation(config, decoder)?;
    decoder.activation = activation(config, "hidden_act")?;
    let mlp = config.flag("mlp_bias")?.unwrap_or(false);
    decoder.biases = Biases { mlp, ..attention_biases(config)? };
    Ok(())
}
