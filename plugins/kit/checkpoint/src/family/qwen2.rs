//! Qwen 2 and 2.5: Llama's layout with biases on query, key and value.
//!
//! Yang et al., "Qwen2 Technical Report" (2024). `sliding_window` counts only with
//! `use_sliding_window`, and in the layers from `max_window_layers` on or those `layer_types` names.

use super::{Defaults, Definition, activation, refuse_flags, refuse_partial_rotation, windows};
use crate::decoder::{Biases, Decoder};
use crate::error::CheckpointError;
use crate::fields::Fields;

pub(super) const DEFINITION: Definition = Definition {
    architecture: "Qwen2ForCausalLM",
    model_type: "qwen2",
    defaults: Defaults { num_kv_heads: Some(32), ..Defaults::PLAIN },
    refine,
};

fn refine(config: &Fields<'_>, decoder: &mut Decoder) -> Result<(), CheckpointError> {
    refuse_partial_rotation(config, decoder)?;
    refuse_flags(config, &["mlp_bias"])?;
    decoder.activation = activation(config, "hidden_act")?;
    decoder.biases = Biases { qkv: true, output: false, mlp: false };
    windows::of_qwen(config, decoder)
}
