//! What a layer's forward keeps for its backward.

use crate::parts::Parts;

/// Values of one layer for all tokens of a batch; memory is used again by the next one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activations {
    /// The residual stream before the layer, `[rows, hidden_size]`.
    pub(crate) input: Vec<f32>,
    /// Rotated queries and keys, and values.
    pub(crate) qkv: Parts,
    /// Queries and keys before the norms of their heads, where there are some.
    pub(crate) unnormed_heads: [Vec<f32>; 2],
    /// Logarithms of the softmax denominators, `[batch * seq, num_heads]`.
    pub(crate) log_sums: Vec<f32>,
    /// What the heads give, `[rows, query_width]`.
    pub(crate) attended: Vec<f32>,
    /// Attention's output, where it is normed, `[rows, hidden_size]`.
    pub(crate) attention_output: Vec<f32>,
    /// The residual stream between attention and MLP, `[rows, hidden_size]`.
    pub(crate) middle: Vec<f32>,
    /// Gate and up.
    pub(crate) gate_up: Parts,
    /// The MLP's output, where it is normed, `[rows, hidden_size]`.
    pub(crate) mlp_output: Vec<f32>,
}
