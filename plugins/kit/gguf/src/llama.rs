//! `config.json` from the metadata of a Llama-type model, in either layout.

use olive_kit_checkpoint::Dtype;
use serde_json::{Map, Value, json};

use crate::error::GgufError;
use crate::gguf::metadata::Metadata;
use crate::gguf::{Gguf, StoredTensor};
use crate::plan::{EMBEDDING, LM_HEAD};
use crate::tokenizer;

/// Names and layout of a checkpoint's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `LlamaForCausalLM`: separate projections, as the model was published.
    Llama,
    /// `Phi3ForCausalLM`: query, key and value in one `qkv_proj`, gate and up in one `gate_up_proj`.
    Phi3,
}

/// Base of the rotary frequencies when a file gives none.
const DEFAULT_THETA: f64 = 10_000.0;

/// The `config.json` of the model in `gguf`, as transformers writes it.
///
/// # Errors
/// When the model is of another architecture, computes something else than a Llama, or a figure is
/// missing.
pub(crate) fn config(
    gguf: &Gguf,
    layout: Layout,
    dtype: Dtype,
) -> Result<Map<String, Value>, GgufError> {
    let metadata = gguf.metadata();
    let architecture = metadata.text("general.architecture")?;
    if architecture != "llama" {
        let (path, found) = (gguf.path().to_owned(), architecture.to_owned());
        return Err(GgufError::Architecture { path, found });
    }
    refuse_unsupported(metadata)?;
    let vocab_size = gguf.tensor(EMBEDDING).map(StoredTensor::num_rows);
    let vocab_size =
        vocab_size.ok_or_else(|| gguf.error(format!("tensor `{EMBEDDING}` is missing")))?;
    let num_heads = metadata.count("llama.attention.head_count")?;
    let kv_heads = metadata.optional_count("llama.attention.head_count_kv")?;
    let theta = metadata.optional_number("llama.rope.freq_base")?;
    let mut object = to_map(json!({
        "attention_dropout": 0.0,
        "bos_token_id": tokenizer::bos(metadata)?,
        "dtype": dtype.config_name(),
        "eos_token_id": tokenizer::eos(metadata)?,
        "hidden_act": "silu",
        "hidden_size": metadata.count("llama.embedding_length")?,
        "intermediate_size": metadata.count("llama.feed_forward_length")?,
        "max_position_embeddings": metadata.count("llama.context_length")?,
        "num_attention_heads": num_heads,
        "num_hidden_layers": metadata.count("llama.block_count")?,
        "num_key_value_heads": kv_heads.unwrap_or(num_heads),
        "pad_token_id": tokenizer::pad(metadata)?,
        "rms_norm_eps": metadata.number("llama.attention.layer_norm_rms_epsilon")?,
        "rope_scaling": null,
        "rope_theta": theta.unwrap_or(DEFAULT_THETA),
        "tie_word_embeddings": gguf.tensor(LM_HEAD).is_none(),
        "use_cache": true,
        "vocab_size": vocab_size,
    }));
    object.extend(of_layout(metadata, layout)?);
    object.sort_keys();
    Ok(object)
}

fn of_layout(metadata: &Metadata, layout: Layout) -> Result<Map<String, Value>, GgufError> {
    let head_dim = head_dim(metadata)?;
    let object = match layout {
        Layout::Llama => json!({
            "architectures": ["LlamaForCausalLM"],
            "attention_bias": false,
            "head_dim": head_dim,
            "mlp_bias": false,
            "model_type": "llama",
        }),
        Layout::Phi3 => json!({
            "architectures": ["Phi3ForCausalLM"],
            "embd_pdrop": 0.0,
            "head_dim": head_dim,
            "model_type": "phi3",
            "original_max_position_embeddings": metadata.count("llama.context_length")?,
            "partial_rotary_factor": 1.0,
            "resid_pdrop": 0.0,
            "sliding_window": null,
        }),
    };
    Ok(to_map(object))
}

/// Width of one head; all of it must be rotated.
fn head_dim(metadata: &Metadata) -> Result<usize, GgufError> {
    let shared =
        metadata.count("llama.embedding_length")? / metadata.count("llama.attention.head_count")?;
    let head_dim = metadata.optional_count("llama.attention.key_length")?.unwrap_or(shared);
    let values = metadata.optional_count("llama.attention.value_length")?.unwrap_or(head_dim);
    let rotated = metadata.optional_count("llama.rope.dimension_count")?.unwrap_or(head_dim);
    if head_dim == 0 || values != head_dim || rotated != head_dim {
        let problem = format!(
            "heads of {head_dim} key, {values} value and {rotated} rotated entries are not \
             supported, only equal numbers"
        );
        return Err(metadata.error(problem));
    }
    Ok(head_dim)
}

/// Settings that change what a Llama computes and that are not carried over.
fn refuse_unsupported(metadata: &Metadata) -> Result<(), GgufError> {
    if let Some(kind) = metadata.optional_text("llama.rope.scaling.type")?
        && kind != "none"
    {
        return Err(metadata.error(format!("rope scaling `{kind}` is not supported")));
    }
    if metadata.contains("llama.expert_count") {
        return Err(metadata.error("mixtures of experts are not supported"));
    }
    Ok(())
}

fn to_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
