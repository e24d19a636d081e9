//! What llama.cpp is told of a decoder, and what it cannot compute.

use std::path::Path;

use olive_kit_checkpoint::rope::RopeScaling;
use olive_kit_checkpoint::{Activation, Biases, Decoder, Description, Family, WindowedLayers};

use crate::error::GgufError;
use crate::writer::Entry;

/// Layers of Gemma 2 27B, whose attention llama.cpp scales by another rule.
const GEMMA2_27B_LAYERS: usize = 46;

/// Name of a family's architecture in llama.cpp; a Mistral is a Llama there.
pub(super) fn architecture(family: Family) -> &'static str {
    match family {
        Family::Llama | Family::Mistral => "llama",
        Family::Phi3 => "phi3",
        Family::Qwen2 => "qwen2",
        Family::Qwen3 => "qwen3",
        Family::Gemma => "gemma",
        Family::Gemma2 => "gemma2",
    }
}

/// The figures of the model `description`, under llama.cpp's keys.
///
/// # Errors
/// When it computes something that llama.cpp does not.
pub(super) fn figures(description: &Description) -> Result<Vec<(String, Entry)>, GgufError> {
    let decoder = &description.decoder;
    if let Some(problem) = beyond(decoder) {
        return Err(refused(&description.dir, problem));
    }
    let name = architecture(decoder.family);
    let counts = [
        ("block_count", decoder.num_layers),
        ("context_length", context_length(decoder)),
        ("embedding_length", decoder.hidden_size),
        ("feed_forward_length", decoder.intermediate_size),
        ("attention.head_count", decoder.num_heads),
        ("attention.head_count_kv", decoder.num_kv_heads),
        ("attention.key_length", decoder.head_dim),
        ("attention.value_length", decoder.head_dim),
        ("rope.dimension_count", decoder.rope.rotary_dim),
        ("vocab_size", decoder.vocab_size),
    ];
    let numbers = [
        ("rope.freq_base", Some(decoder.rope.theta)),
        ("attention.layer_norm_rms_epsilon", Some(decoder.norm_epsilon)),
        ("attn_logit_softcapping", decoder.attention_softcap),
        ("final_logit_softcapping", decoder.logit_softcap),
    ];
    let mut figures = vec![("general.architecture".to_owned(), Entry::Text(name.into()))];
    let windows = has_windows(decoder.family)
        .then(|| ("attention.sliding_window", decoder.sliding_window.unwrap_or(0)));
    for (key, count) in counts.into_iter().chain(windows) {
        let count = u32::try_from(count).map_err(|_| {
            refused(&description.dir, format!("{count} is too large for `{name}.{key}`"))
        })?;
        figures.push((format!("{name}.{key}"), Entry::Count(count)));
    }
    let numbers = numbers.into_iter().filter_map(|(key, number)| Some((key, number?)));
    figures.extend(numbers.map(|(key, number)| (format!("{name}.{key}"), single(number))));
    figures.extend(long_rope(decoder, name));
    Ok(figures)
}

pub(super) fn refused(path: &Path, problem: impl Into<String>) -> GgufError {
    GgufError::Export { path: path.to_owned(), problem: problem.into(), help: None }
}

/// Positions for which llama.cpp computes what transformers does: a window that it knows nothing of
/// ends them.
fn context_length(decoder: &Decoder) -> usize {
    match decoder.sliding_window {
        Some(window) if !has_windows(decoder.family) => window.min(decoder.max_positions),
        Some(_) | None => decoder.max_positions,
    }
}

fn has_windows(family: Family) -> bool {
    match family {
        Family::Phi3 | Family::Gemma2 => true,
        Family::Llama | Family::Mistral | Family::Qwen2 | Family::Qwen3 | Family::Gemma => false,
    }
}

fn long_rope(decoder: &Decoder, name: &str) -> Vec<(String, Entry)> {
    let RopeScaling::LongRope(long) = &decoder.rope.scaling else { return Vec::new() };
    let original = u32::try_from(long.original_max_positions).unwrap_or(u32::MAX);
    vec![
        (format!("{name}.rope.scaling.original_context_length"), Entry::Count(original)),
        (format!("{name}.rope.scaling.attn_factor"), single(long.attention_factor)),
    ]
}

#[expect(clippy::cast_possible_truncation, reason = "the format has singles")]
fn single(number: f64) -> Entry {
    Entry::Number(number as f32)
}

/// The first thing about `decoder` that llama.cpp computes otherwise.
fn beyond(decoder: &Decoder) -> Option<String> {
    let family = decoder.family;
    let is_gemma = matches!(family, Family::Gemma | Family::Gemma2);
    let is_llama = matches!(family, Family::Llama | Family::Mistral);
    let Biases { qkv, output, mlp } = decoder.biases;
    let has_rope = match &decoder.rope.scaling {
        RopeScaling::None => true,
        RopeScaling::LongRope(_) => family == Family::Phi3,
        RopeScaling::Llama3(_) => is_llama,
    };
    let is_partial = decoder.rope.rotary_dim != decoder.head_dim;
    let has_activation = (decoder.activation == Activation::GeluTanh) == is_gemma;
    let lacks_caps = decoder.attention_softcap.is_none() || decoder.logit_softcap.is_none();
    let has_norms = decoder.norm_adds_one == is_gemma;
    let problems = [
        (qkv && !is_llama && family != Family::Qwen2, "biases of query, key and value"),
        (output && !is_llama, "a bias of attention's output"),
        (mlp && !is_llama, "biases of the MLP"),
        (!has_rope, "this kind of `rope_scaling`"),
        (is_partial && family != Family::Phi3, "heads that are rotated in part"),
        (!has_activation, "this activation"),
        (!has_norms, "norms of this kind"),
        (is_gemma && !decoder.ties_embeddings, "an `lm_head` of its own"),
        (family == Family::Gemma2 && lacks_caps, "attention or logits without a soft cap"),
        (!has_attention_scale(decoder), "this `query_pre_attn_scalar`"),
        (!has_window_pattern(decoder), "these `layer_types`"),
    ];
    let (_, what) = problems.into_iter().find(|(is_problem, _)| *is_problem)?;
    let name = architecture(family);
    Some(format!("llama.cpp's `{name}` does not compute {what}"))
}

fn has_attention_scale(decoder: &Decoder) -> bool {
    let is_largest = decoder.family == Family::Gemma2 && decoder.num_layers == GEMMA2_27B_LAYERS;
    let scalar =
        if is_largest { decoder.hidden_size / decoder.num_heads } else { decoder.head_dim };
    (decoder.attention_scale - (scalar as f64).sqrt().recip()).abs() <= 1e-9
}

/// Whether windows are where llama.cpp has them: in every layer of a Phi-3, in every other one of a
/// Gemma 2. Elsewhere the context ends with the window.
fn has_window_pattern(decoder: &Decoder) -> bool {
    if decoder.sliding_window.is_none() {
        return decoder.family != Family::Gemma2;
    }
    let is_windowed = |layer| decoder.window(layer).is_some();
    match decoder.family {
        Family::Gemma2 => {
            (0..decoder.num_layers).all(|layer| is_windowed(layer) == layer.is_multiple_of(2))
        }
        Family::Phi3 => decoder.windowed_layers == WindowedLayers::All,
        Family::Llama | Family::Mistral | Family::Qwen2 | Family::Qwen3 | Family::Gemma => true,
    }
}
