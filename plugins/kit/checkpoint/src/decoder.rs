//! One description of a decoder-only transformer for training, evaluation, quantization and ONNX
//! writing alike.

use half::{bf16, f16};

use crate::dtype::Dtype;
use crate::rope::Rope;

/// Widths, heads, norms and layout of a decoder-only transformer.
///
/// Every layer is `x + attention(norm(x))`, then `x + mlp(norm(x))`, with RMS norms; the output is
/// `lm_head(norm(x))`. The MLP is `down(activation(gate(x)) * up(x))`. What a family adds to that
/// is in the fields, and listed by [`Decoder::features`].
#[expect(clippy::struct_excessive_bools, reason = "each is a claim about the model, none a state")]
#[derive(Debug, Clone, PartialEq)]
pub struct Decoder {
    /// Family whose tensor names and layout the checkpoint uses.
    pub family: Family,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width between the two halves of the MLP.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_layers: usize,
    /// Query heads of a layer.
    pub num_heads: usize,
    /// Key and value heads of a layer; divides `num_heads`.
    pub num_kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Positions the model was made for (`max_position_embeddings`).
    pub max_positions: usize,
    /// Epsilon of every RMS norm.
    pub norm_epsilon: f64,
    /// Activation of the gate.
    pub activation: Activation,
    /// Rotary position embedding.
    pub rope: Rope,
    /// Positions a token sees at most, itself included; `None` sees all before it.
    pub sliding_window: Option<usize>,
    /// Layers that have the window; see [`Decoder::window`].
    pub windowed_layers: WindowedLayers,
    /// Factor on attention scores; `1 / sqrt(head_dim)` nearly everywhere.
    pub attention_scale: f64,
    /// Limit `c` of attention scores, which become `c tanh(score / c)`.
    pub attention_softcap: Option<f64>,
    /// Limit of logits, likewise.
    pub logit_softcap: Option<f64>,
    /// Factor on rows of the embedding.
    pub embedding_scale: Option<f64>,
    /// Whether a norm multiplies by `1 + weight` instead of `weight`.
    pub norm_adds_one: bool,
    /// Whether attention's and the MLP's outputs are normed too, before they are added.
    pub has_output_norms: bool,
    /// Whether each query head and key head is normed, `[head_dim]`, before rotation.
    pub has_head_norms: bool,
    /// Linear layers that add a bias.
    pub biases: Biases,
    /// Whether `lm_head` is the embedding.
    pub ties_embeddings: bool,
    /// Beginning-of-sequence token.
    pub bos_token_id: Option<u32>,
    /// End-of-sequence tokens.
    pub eos_token_ids: Vec<u32>,
    /// Padding token.
    pub pad_token_id: Option<u32>,
}

/// Family of checkpoints that share tensor names and layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Llama 2 and 3, `SmolLM` 1 and 2: separate q, k, v and gate, up.
    Llama,
    /// Mistral 7B: Llama with a sliding window.
    Mistral,
    /// Phi-3, 3.5 and 4: fused `qkv_proj` and `gate_up_proj`.
    Phi3,
    /// Qwen 2 and 2.5: Llama with biases on q, k and v.
    Qwen2,
    /// Qwen 3: Llama with norms on query and key heads.
    Qwen3,
    /// Gemma 1: `GeGLU`, scaled embeddings, norms that multiply by `1 + weight`.
    Gemma,
    /// Gemma 2: Gemma with norms on outputs, soft caps and windows in every other layer.
    Gemma2,
}

/// Which linear layers of a layer add a bias; `lm_head` never does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Biases {
    /// Query, key and value.
    pub qkv: bool,
    /// Attention output.
    pub output: bool,
    /// Gate, up and down.
    pub mlp: bool,
}

/// Which layers have the model's sliding window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowedLayers {
    /// Every layer.
    All,
    /// The listed ones, counted from 0.
    Some(Vec<bool>),
}

/// Activation of the MLP's gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    GeluTanh,
}

impl Decoder {
    /// Width of all query heads.
    pub fn query_width(&self) -> usize {
        self.num_heads * self.head_dim
    }

    /// Width of all key heads, and of all value heads.
    pub fn kv_width(&self) -> usize {
        self.num_kv_heads * self.head_dim
    }

    /// Positions a token sees at most in `layer`, itself included.
    pub fn window(&self, layer: usize) -> Option<usize> {
        match &self.windowed_layers {
            WindowedLayers::All => self.sliding_window,
            WindowedLayers::Some(layers) => {
                self.sliding_window.filter(|_| layers.get(layer).copied().unwrap_or(false))
            }
        }
    }

    /// Factor on rows of the embedding when weights are held in `dtype`: transformers rounds it to
    /// that type first.
    pub fn embedding_scale_in(&self, dtype: Dtype) -> Option<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "the tensor is f32 before it is cast")]
        let scale = self.embedding_scale.map(|scale| scale as f32);
        scale.map(|scale| match dtype {
            Dtype::F32 => scale,
            Dtype::F16 => f16::from_f32(scale).to_f32(),
            Dtype::BF16 => bf16::from_f32(scale).to_f32(),
        })
    }
}
