//! Qwen 3, dense: Llama's layout with RMS norms on query and key heads, before rotation.
//!
//! Yang et al., "Qwen3 Technical Report" (2025). Heads are 128 wide whatever `hidden_size` is.
//! Windows are those of Qwen 2.

use super::{
    Defaults, Definition, activation, attention_biases, refuse_flags, refuse_partial_rotation,
    windows,
};
use crate::decoder::Decoder;
use crate::error::CheckpointError;
use crate::fields::Fields;

pub(super) const DEFINITION: Definition = Definition {
    architecture: "Qwen3ForCausalLM",
    model_type: "qwen3",
    defaults: Defaults { num_kv_heads: Some(32), head_dim: Some(128), ..Defaults::PLAIN },
    refine,
};

fn refine(config: &Fields<'_>, decoder: &mut Decoder) -> Result<(), CheckpointError> {
    refuse_partial_rotation(config, decoder)?;
    refuse_flags(config, &["mlp_bias"])?;
    decoder.activation = activation(config, "hidden_act")?;
    decoder.biases = attention_biases(config)?;
    decoder.has_head_norms = true;
    windows::of_qwen(config, decoder)
}
