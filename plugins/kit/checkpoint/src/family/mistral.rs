//! Mistral 7B: Llama's layout, a sliding window in every layer.
//!
//! Jiang et al., "Mistral 7B" (2023). Later versions have no window: their `sliding_window` is
//! null, while an absent one is 4096.

use super::{Defaults, Definition, activation, refuse_flags, refuse_partial_rotation, windows};
use crate::decoder::Decoder;
use crate::error::CheckpointError;
use crate::fields::Fields;

pub(super) const DEFINITION: Definition = Definition {
    architecture: "MistralForCausalLM",
    model_type: "mistral",
    defaults: Defaults { num_kv_heads: Some(8), ..Defaults::PLAIN },
    refine,
};

fn refine(config: &Fields<'_>, decoder: &mut Decoder) -> Result<(), CheckpointError> {
    refuse_partial_rotation(config, decoder)?;
    refuse_flags(config, &["attention_bias", "mlp_bias"])?;
    decoder.activation = activation(config, "hidden_act")?;
    decoder.sliding_window = windows::size(config, Some(4096))?;
    Ok(())
}
