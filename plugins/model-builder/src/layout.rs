//! Which parts of a model its graph has, and which of them are joined.

use olive_kit_checkpoint::Decoder;

/// Which parts of a model its graph has, and which of them are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// What the graph begins with.
    pub input: Input,
    /// What the graph ends with.
    pub output: Output,
    /// Whether logits are computed for the last token only.
    pub prunes_logits: bool,
    /// Whether one product makes queries, keys and values, where the target allows it.
    pub packs_qkv: bool,
    /// Whether one product makes both gate and up.
    pub packs_gate_up: bool,
    /// Whether the embedding is the weight of the layer that makes logits; `None` where the model
    /// says so.
    pub shares_embedding: Option<bool>,
}

/// What a graph begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Tokens, `input_ids`.
    Tokens,
    /// The vectors of tokens, `inputs_embeds`.
    Embeddings,
}

/// What a graph ends with, besides the KV cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// `logits`.
    Logits,
    /// `hidden_states`, which the last norm makes, and `logits`.
    HiddenStatesAndLogits,
    /// `hidden_states` only.
    HiddenStates,
}

impl Default for Layout {
    /// From tokens to logits, as the model shares its embedding.
    fn default() -> Self {
        Self {
            input: Input::Tokens,
            output: Output::Logits,
            prunes_logits: false,
            packs_qkv: true,
            packs_gate_up: false,
            shares_embedding: None,
        }
    }
}

impl Layout {
    /// Whether the embedding of this model is the weight of the layer that makes logits, provided
    /// that both are in the graph.
    pub fn shares_embedding(&self, decoder: &Decoder) -> bool {
        self.shares_embedding.unwrap_or(decoder.ties_embeddings)
    }
}

impl Output {
    /// Whether logits are an output.
    pub fn has_logits(self) -> bool {
        self != Self::HiddenStates
    }

    /// Whether what the last norm makes is an output.
    pub fn has_hidden_states(self) -> bool {
        self != Self::Logits
    }
}
