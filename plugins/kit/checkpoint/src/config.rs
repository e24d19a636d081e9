//! `config.json` to [`Decoder`], in the layouts of transformers 4 and 5.

use std::path::Path;

use serde_json::Value;

use crate::decoder::{Activation, Decoder, Family, WindowedLayers};
use crate::error::CheckpointError;
use crate::fields::Fields;
use crate::rope_config;

/// Architectures that are known, as `config.json` names them.
const ARCHITECTURES: [(&str, &str, Family); 2] =
    [("LlamaForCausalLM", "llama", Family::Llama), ("Phi3ForCausalLM", "phi3", Family::Phi3)];

/// The decoder that `config`, and `generation_config.json` where there is one, describe.
pub(crate) fn decoder(
    config: &Fields<'_>,
    generation: Option<&Fields<'_>>,
) -> Result<Decoder, CheckpointError> {
    let family = family(config)?;
    refuse_unsupported(config, family)?;
    let hidden_size = config.count("hidden_size")?;
    let num_heads = config.count("num_attention_heads")?;
    let num_kv_heads = config.optional_count("num_key_value_heads")?.unwrap_or(num_heads);
    let head_dim = config.optional_count("head_dim")?.unwrap_or(hidden_size / num_heads);
    check_heads(config, num_heads, num_kv_heads, head_dim)?;
    let max_positions = config.count("max_position_embeddings")?;
    Ok(Decoder {
        family,
        vocab_size: config.count("vocab_size")?,
        hidden_size,
        intermediate_size: config.count("intermediate_size")?,
        num_layers: config.count("num_hidden_layers")?,
        num_heads,
        num_kv_heads,
        head_dim,
        max_positions,
        norm_epsilon: norm_epsilon(config, family)?,
        activation: activation(config)?,
        rope: rope_config::rope(config, head_dim, max_positions)?,
        sliding_window: sliding_window(config, family)?,
        windowed_layers: WindowedLayers::All,
        attention_scale: (head_dim as f64).sqrt().recip(),
        attention_softcap: None,
        logit_softcap: None,
        embedding_scale: None,
        norm_adds_one: false,
        has_output_norms: false,
        has_head_norms: false,
        ties_embeddings: config.flag("tie_word_embeddings")?.unwrap_or(false),
        bos_token_id: token(config, generation, "bos_token_id")?.first().copied(),
        eos_token_ids: token(config, generation, "eos_token_id")?,
        pad_token_id: token(config, generation, "pad_token_id")?.first().copied(),
    })
}

fn family(config: &Fields<'_>) -> Result<Family, CheckpointError> {
    let declared = config.value("architectures").and_then(|list| list.get(0)?.as_str());
    let model_type = config.value("model_type").and_then(Value::as_str);
    let known = ARCHITECTURES.iter().find(|(architecture, name, _)| match declared {
        Some(declared) => declared == *architecture,
        None => model_type == Some(*name),
    });
    known.map(|&(_, _, family)| family).ok_or_else(|| {
        let found = declared.or(model_type).unwrap_or("(none given)");
        let known = ARCHITECTURES.map(|(architecture, _, _)| architecture).join(", ");
        config.error(format!("unknown architecture `{found}`; known are {known}"))
    })
}

/// Settings that change what a decoder computes and that are not computed here.
fn refuse_unsupported(config: &Fields<'_>, family: Family) -> Result<(), CheckpointError> {
    if config.value("quantization_config").is_some() {
        let problem = "`quantization_config` is set; only unquantized checkpoints are read";
        return Err(config.error(problem));
    }
    let biases: &[&str] = match family {
        Family::Llama => &["attention_bias", "mlp_bias"],
        Family::Phi3 => &[],
    };
    for key in biases {
        if config.flag(key)?.unwrap_or(false) {
            return Err(config.error(format!("`{key}` is true; biases are not supported")));
        }
    }
    Ok(())
}

fn check_heads(
    config: &Fields<'_>,
    num_heads: usize,
    num_kv_heads: usize,
    head_dim: usize,
) -> Result<(), CheckpointError> {
    if head_dim == 0 {
        let problem = format!("`num_attention_heads` {num_heads} is more than `hidden_size`");
        return Err(config.error(problem));
    }
    if !num_heads.is_multiple_of(num_kv_heads) {
        let problem = format!(
            "`num_key_value_heads` {num_kv_heads} does not divide `num_attention_heads` {num_heads}"
        );
        return Err(config.error(problem));
    }
    Ok(())
}

fn norm_epsilon(config: &Fields<'_>, family: Family) -> Result<f64, CheckpointError> {
    let default = match family {
        Family::Llama => 1e-6,
        Family::Phi3 => 1e-5,
    };
    Ok(config.number("rms_norm_eps")?.unwrap_or(default))
}

fn activation(config: &Fields<'_>) -> Result<Activation, CheckpointError> {
    match config.text("hidden_act")?.unwrap_or("silu") {
        "silu" | "swish" => Ok(Activation::Silu),
        other => Err(config.error(format!("unknown `hidden_act` `{other}`; known is silu"))),
    }
}

/// Phi-3's window; Llama's config may hold the key but its model has none.
fn sliding_window(config: &Fields<'_>, family: Family) -> Result<Option<usize>, CheckpointError> {
    match family {
        Family::Llama => Ok(None),
        Family::Phi3 => config.optional_count("sliding_window"),
    }
}

/// Token ids under `key`: `generation_config.json` before `config.json`, one or a list.
fn token(
    config: &Fields<'_>,
    generation: Option<&Fields<'_>>,
    key: &str,
) -> Result<Vec<u32>, CheckpointError> {
    let generation = generation.map(|fields| fields.token_ids(key)).transpose()?.flatten();
    match generation {
        Some(ids) => Ok(ids),
        None => Ok(config.token_ids(key)?.unwrap_or_default()),
    }
}

/// The JSON object in the file at `path`.
pub(crate) fn read_object(path: &Path) -> Result<serde_json::Map<String, Value>, CheckpointError> {
    let bytes = std::fs::read(path).map_err(CheckpointError::read(path))?;
    serde_json::from_slice(&bytes)
        .map_err(|source| CheckpointError::Json { path: path.to_owned(), source })
}
