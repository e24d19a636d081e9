//! `config.json` to [`Decoder`], in the layouts of transformers 4 and 5.

use std::path::Path;

use serde_json::Value;

use crate::decoder::{Activation, Biases, Decoder, Family, WindowedLayers};
use crate::error::CheckpointError;
use crate::fields::Fields;
use crate::rope_config;

/// The decoder that `config`, and `generation_config.json` where there is one, describe.
pub(crate) fn decoder(
    config: &Fields<'_>,
    generation: Option<&Fields<'_>>,
) -> Result<Decoder, CheckpointError> {
    let family = Family::of(config)?;
    let defaults = family.defaults();
    let hidden_size = config.count("hidden_size")?;
    let num_heads = config.count("num_attention_heads")?;
    let num_kv_heads = or_default(config, "num_key_value_heads", defaults.num_kv_heads)?;
    let num_kv_heads = num_kv_heads.unwrap_or(num_heads);
    let head_dim = or_default(config, "head_dim", defaults.head_dim)?;
    let head_dim = head_dim.unwrap_or(hidden_size / num_heads);
    check_heads(config, num_heads, num_kv_heads, head_dim)?;
    let max_positions = config.count("max_position_embeddings")?;
    let ties_embeddings = config.flag("tie_word_embeddings")?;
    let mut decoder = Decoder {
        family,
        vocab_size: config.count("vocab_size")?,
        hidden_size,
        intermediate_size: config.count("intermediate_size")?,
        num_layers: num_layers(config)?,
        num_heads,
        num_kv_heads,
        head_dim,
        max_positions,
        norm_epsilon: config.number("rms_norm_eps")?.unwrap_or(defaults.norm_epsilon),
        activation: Activation::Silu,
        rope: rope_config::rope(config, head_dim, max_positions)?,
        sliding_window: None,
        windowed_layers: WindowedLayers::All,
        attention_scale: (head_dim as f64).sqrt().recip(),
        attention_softcap: None,
        logit_softcap: None,
        embedding_scale: None,
        norm_adds_one: false,
        has_output_norms: false,
        has_head_norms: false,
        biases: Biases::default(),
        ties_embeddings: ties_embeddings.unwrap_or(defaults.ties_embeddings),
        bos_token_id: token(config, generation, "bos_token_id")?.first().copied(),
        eos_token_ids: token(config, generation, "eos_token_id")?,
        pad_token_id: token(config, generation, "pad_token_id")?.first().copied(),
    };
    family.refine(config, &mut decoder)?;
    Ok(decoder)
}

/// The number of layers, of which a list is made before any tensor is looked for.
fn num_layers(config: &Fields<'_>) -> Result<usize, CheckpointError> {
    const MOST: usize = 10_000;
    match config.count("num_hidden_layers")? {
        count if count > MOST => {
            Err(config.error(format!("`num_hidden_layers` is {count}, more than {MOST}")))
        }
        count => Ok(count),
    }
}

/// The count under `key`; the family's default where the key is absent, none where it is null.
fn or_default(
    config: &Fields<'_>,
    key: &str,
    default: Option<usize>,
) -> Result<Option<usize>, CheckpointError> {
    let count = config.optional_count(key)?;
    Ok(if config.is_given(key) { count } else { default })
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
