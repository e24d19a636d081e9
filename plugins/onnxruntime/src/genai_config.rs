//! `genai_config.json`: how a decoder graph is fed.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::error::OnnxError;

/// What this plugin reads of `genai_config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GenaiConfig {
    /// The model section.
    pub model: ModelSection,
}

/// The model section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ModelSection {
    /// Positions of the model, cache included.
    pub context_length: usize,
    /// Tokens that end a text.
    pub eos_token_id: OneOrMany,
    /// Width of the logits.
    pub vocab_size: usize,
    /// The decoder graph.
    pub decoder: DecoderSection,
}

/// The decoder graph.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DecoderSection {
    /// File of the graph.
    pub filename: String,
    /// Width of one head.
    pub head_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Key and value heads of a layer.
    pub num_key_value_heads: usize,
    /// Names of the graph's inputs.
    pub inputs: Inputs,
    /// Names of the graph's outputs.
    pub outputs: Outputs,
    /// Layers whose cache may be no longer than what their attention looks back.
    pub sliding_window: Option<SlidingWindow>,
}

/// Layers whose cache may be no longer than what their attention looks back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SlidingWindow {
    /// Positions attention looks back, the token's own included.
    pub window_size: usize,
    /// Those layers, counted from 0.
    pub layers: Vec<usize>,
}

/// Names of the graph's inputs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Inputs {
    /// Tokens, i64 `[batch_size, sequence_length]`.
    pub input_ids: String,
    /// Ones for cached and new tokens, i64 `[batch_size, total_sequence_length]`.
    pub attention_mask: String,
    /// Place of each new token in its text, i64 `[batch_size, sequence_length]`, where the graph
    /// does not count on its own.
    pub position_ids: Option<String>,
    /// Keys of layer `%d` before the run.
    pub past_key_names: String,
    /// Values of layer `%d` before the run.
    pub past_value_names: String,
}

/// Names of the graph's outputs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Outputs {
    /// Logits, `[batch_size, sequence_length, vocab_size]`.
    pub logits: String,
    /// Keys of layer `%d` after the run.
    pub present_key_names: String,
    /// Values of layer `%d` after the run.
    pub present_value_names: String,
}

impl DecoderSection {
    /// Fewest positions that the cache of `layer` must have room for.
    pub(crate) fn least_positions(&self, layer: usize) -> usize {
        let window = self.sliding_window.as_ref();
        window.filter(|it| it.layers.contains(&layer)).map_or(0, |it| it.window_size)
    }
}

/// One token id or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// A single id.
    One(u32),
    /// Several ids.
    Many(Vec<u32>),
}

impl OneOrMany {
    /// The ids.
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }
}

impl GenaiConfig {
    /// Name of the file in a model folder.
    pub const FILE_NAME: &'static str = "genai_config.json";

    /// Reads the config of the model in `folder`.
    ///
    /// # Errors
    /// When the file is missing or says too little.
    pub fn read(folder: &Path) -> Result<Self, OnnxError> {
        let path = folder.join(Self::FILE_NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(OnnxError::Unreadable { path, source }),
        };
        serde_json::from_str(&text).map_err(|source| OnnxError::GenaiConfig { path, source })
    }
}

/// `pattern` with the layer in place of `%d`.
pub(crate) fn layer_name(pattern: &str, layer: usize) -> String {
    pattern.replace("%d", &layer.to_string())
}
