//! Gemma 1: Llama's layout with `GeGLU`, norms that multiply by `1 + weight`, and an embedding
//! scaled by `sqrt(hidden_size)`.
//!
//! Gemma Team, "Gemma: Open Models Based on Gemini Research and Technology" (2024).

use super::{
    Defaults, Definition, activation, attention_biases, refuse_flags, refuse_partial_rotation,
};
use crate::decoder::{Activation, Decoder};
use crate::error::CheckpointError;
use crate::fields::Fields;

pub(super) const DEFINITION: Definition = Definition {
    architecture: "GemmaForCausalLM",
    model_type: "gemma",
    defaults: Defaults {
        num_kv_heads: Some(16),
        head_dim: Some(256),
        ties_embeddings: true,
        ..Defaults::PLAIN
    },
    refine,
};

fn refine(config: &Fields<'_>, decoder: &mut Decoder) -> Result<(), CheckpointError> {
    // The first releases say `gelu` and mean its approximation.
    decoder.activation = match config.text("hidden_act")? {
        None | Some("gelu") => Activation::GeluTanh,
        Some(_) => activation(config, "hidden_act")?,
    };
    as_gemma(config, decoder)
}

/// What Gemma 1 and 2 share.
pub(super) fn as_gemma(config: &Fields<'_>, decoder: &mut Decoder) -> Result<(), CheckpointError> {
    refuse_partial_rotation(config, decoder)?;
    refuse_flags(config, &["mlp_bias", "use_bidirectional_attention"])?;
    decoder.biases = attention_biases(config)?;
    decoder.norm_adds_one = true;
    decoder.embedding_scale = Some((decoder.hidden_size as f64).sqrt());
    Ok(())
}
