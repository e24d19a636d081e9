//! Phi-3, Phi-3.5 and Phi-4, mini and medium: fused projections, `LongRoPE`, partial rotation.
//!
//! Abdin et al., "Phi-3 Technical Report" (2024); "Phi-4-Mini Technical Report" (2025), which ties
//! the embeddings and rotates three quarters of a head. Phi-3-small is another architecture.

use super::{Defaults, Definition, activation, refuse_flags, windows};
use crate::decoder::Decoder;
use crate::error::CheckpointError;
use crate::fields::Fields;

pub(super) const DEFINITION: Definition = Definition {
    architecture: "Phi3ForCausalLM",
    model_type: "phi3",
    defaults: Defaults { norm_epsilon: 1e-5, ..Defaults::PLAIN },
    refine,
};

fn refine(config: &Fields<'_>, decoder: &mut Decoder) -> Result<(), CheckpointError> {
    refuse_flags(config, &["attention_bias", "mlp_bias", "lm_head_bias"])?;
    decoder.activation = activation(config, "hidden_act")?;
    decoder.sliding_window = windows::size(config, None)?;
    Ok(())
}
