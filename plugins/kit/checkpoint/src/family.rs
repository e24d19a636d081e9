//! Families: checkpoints that share tensor names and a layout of `config.json`.
//!
//! One file each: which architecture it reads, the defaults transformers gives to keys that are
//! absent, what is special in its computation, and what it refuses.

mod llama;
mod mistral;
mod phi3;
mod qwen2;
mod qwen3;
mod gemma;
mod gemma2;
mod windows;

use serde_json::Value;

use crate::decoder::{Activation, Biases, Decoder, Family};
use crate::error::CheckpointError;
use crate::fields::Fields;

/// How the config of a family is read.
struct Definition {
    /// Entry of `architectures`.
    architecture: &'static str,
    /// `model_type`, which says the family where `architectures` is absent.
    model_type: &'static str,
    defaults: Defaults,
    /// Sets what the family computes beyond a plain decoder, and refuses what is not computed.
    refine: fn(&Fields<'_>, &mut Decoder) -> Result<(), CheckpointError>,
}

/// Values of absent keys, as transformers has them.
pub(crate) struct Defaults {
    /// `num_key_value_heads`; otherwise that of the query heads.
    pub(crate) num_kv_heads: Option<usize>,
    /// `head_dim`; otherwise the share of `hidden_size`.
    pub(crate) head_dim: Option<usize>,
    /// `rms_norm_eps`.
    pub(crate) norm_epsilon: f64,
    /// `tie_word_embeddings`.
    pub(crate) ties_embeddings: bool,
}

impl Defaults {
    const PLAIN: Self =
        Self { num_kv_heads: None, head_dim: None, norm_epsilon: 1e-6, ties_embeddings: false };
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Llama,
        Self::Mistral,
        Self::Phi3,
        Self::Qwen2,
        Self::Qwen3,
        Self::Gemma,
        Self::Gemma2,
    ];

    /// The family that `config` names: by `architectures`, or by `model_type` where that is absent.
    pub(crate) fn of(config: &Fields<'_>) -> Result<Self, CheckpointError> {
        let declared = config.value("architectures").and_then(|list| list.get(0)?.as_str());
        let model_type = config.value("model_type").and_then(Value::as_str);
        let known = Self::ALL.into_iter().find(|family| match declared {
            Some(declared) => declared == family.architecture(),
            None => model_type == Some(family.model_type()),
        });
        known.ok_or_else(|| {
            let found = declared.or(model_type).unwrap_or("(none given)");
            let known = Self::ALL.map(Self::architecture).join(", ");
            config.error(format!("unknown architecture `{found}`; known are {known}"))
        })
    }

    /// Entry of `architectures` in `config.json`.
    pub fn architecture(self) -> &'static str {
        self.definition().architecture
    }

    /// `model_type` in `config.json`.
    pub fn model_type(self) -> &'static str {
        self.definition().model_type
    }

    pub(crate) fn defaults(self) -> &'static Defaults {
        &self.definition().defaults
    }

    /// Sets what the family computes beyond a plain decoder, and refuses what is not computed.
    pub(crate) fn refine(
        self,
        config: &Fields<'_>,
        decoder: &mut Decoder,
    ) -> Result<(), CheckpointError> {
        (self.definition().refine)(config, decoder)
    }

    fn definition(self) -> &'static Definition {
        match self {
            Self::Llama => &llama::DEFINITION,
            Self::Mistral => &mistral::DEFINITION,
            Self::Phi3 => &phi3::DEFINITION,
            Self::Qwen2 => &qwen2::DEFINITION,
            Self::Qwen3 => &qwen3::DEFINITION,
            Self::Gemma => &gemma::DEFINITION,
            Self::Gemma2 => &gemma2::DEFINITION,
        }
    }
}

/// The activation under `key`, SiLU where none is given.
fn activation(config: &Fields<'_>, key: &str) -> Result<Activation, CheckpointError> {
    match config.text(key)?.unwrap_or("silu") {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
        other => {
            let known = "silu, gelu_pytorch_tanh";
            Err(config.error(format!("unknown `{key}` `{other}`; known are {known}")))
        }
    }
}

/// `attention_bias`: biases of query, key, value and output.
fn attention_biases(config: &Fields<'_>) -> Result<Biases, CheckpointError> {
    let has_bias = config.flag("attention_bias")?.unwrap_or(false);
    Ok(Biases { qkv: has_bias, output: has_bias, mlp: false })
}

/// Refuses settings that would change what is computed and that the family does not have.
fn refuse_flags(config: &Fields<'_>, keys: &[&str]) -> Result<(), CheckpointError> {
    for key in keys {
        if config.flag(key)?.unwrap_or(false) {
            let architecture = Family::of(config)?.architecture();
            return Err(config.error(format!("`{key}` is true, which `{architecture}` has not")));
        }
    }
    Ok(())
}

/// Refuses heads of which only a part is rotated.
fn refuse_partial_rotation(config: &Fields<'_>, decoder: &Decoder) -> Result<(), CheckpointError> {
    let (rotated, whole) = (decoder.rope.rotary_dim, decoder.head_dim);
    if rotated == whole {
        return Ok(());
    }
    let architecture = decoder.family.architecture();
    Err(config.error(format!(
        "`partial_rotary_factor` leaves {rotated} of {whole} entries of a head to be rotated; \
         `{architecture}` rotates all"
    )))
}
