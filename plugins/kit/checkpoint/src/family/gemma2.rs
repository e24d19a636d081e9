//! Gemma 2: Gemma with norms on the outputs of attention and MLP, soft caps on attention scores and
//! logits, and a sliding window in every other layer.
//!
//! Gemma Team, "Gemma 2: Improving Open Language Models at a Practical Size" (2024).

use super::gemma::as_gemma;
use super::{Defaults, Definition, activation, windows};
use crate::decoder::{Activation, Decoder};
use crate::error::CheckpointError;
use crate::fields::Fields;

pub(super) const DEFINITION: Definition = Definition {
    architecture: "Gemma2ForCausalLM",
    model_type: "gemma2",
    defaults: Defaults {
        num_kv_heads: Some(4),
        head_dim: Some(256),
        ties_embeddings: true,
        ..Defaults::PLAIN
    },
    refine,
};

fn refine(config: &Fields<'_>, decoder: &mut Decoder) -> Result<(), CheckpointError> {
    as_gemma(config, decoder)?;
    // `hidden_act`, which configs have too, is not read.
    decoder.activation = match config.text("hidden_activation")? {
        None => Activation::GeluTanh,
        Some(_) => activation(config, "hidden_activation")?,
    };
    decoder.has_output_norms = true;
    let scalar = positive(config, "query_pre_attn_scalar")?.unwrap_or(256.0);
    decoder.attention_scale = scalar.sqrt().recip();
    decoder.attention_softcap = cap(config, "attn_logit_softcapping", 50.0)?;
    decoder.logit_softcap = cap(config, "final_logit_softcapping", 30.0)?;
    let size = windows::size(config, Some(4096))?;
    let layers = match windows::listed(config, decoder.num_layers)? {
        Some(layers) => layers,
        None => (0..decoder.num_layers).map(|layer| layer.is_multiple_of(2)).collect(),
    };
    windows::set(config, decoder, size, layers)
}

/// A soft cap: null is none, an absent one the default.
fn cap(config: &Fields<'_>, key: &str, default: f64) -> Result<Option<f64>, CheckpointError> {
    let cap = positive(config, key)?;
    Ok(if config.is_given(key) { cap } else { Some(default) })
}

fn positive(config: &Fields<'_>, key: &str) -> Result<Option<f64>, CheckpointError> {
    match config.number(key)? {
        Some(value) if value <= 0.0 => {
            Err(config.error(format!("`{key}` is {value}, but must be positive")))
        }
        value => Ok(value),
    }
}
