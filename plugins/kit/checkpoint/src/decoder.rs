//! One description of a decoder-only transformer for training, evaluation, quantization and ONNX
//! writing alike.

use crate::rope::Rope;

/// Widths, heads, norms and layout of a decoder-only transformer.
///
/// Every layer is `x + attention(norm(x))`, then `x + mlp(norm(x))`, with RMS norms; the output is
/// `lm_head(norm(x))`.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Llama 2 and 3, `SmolLM`: separate q, k, v and gate, up.
    Llama,
    /// Phi-3, 3.5 and 4: fused `qkv_proj` and `gate_up_proj`.
    Phi3,
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

/// A linear layer `y = W x (+ b)`, with `W` stored as `[out_features, in_features]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linear {
    /// What the layer computes.
    pub role: LinearRole,
    /// Module path, such as `model.layers.0.self_attn.qkv_proj`; the weight adds `.weight`.
    pub name: String,
    /// Width of `x`.
    pub in_features: usize,
    /// Width of `y`.
    pub out_features: usize,
    /// Whether there is a `b`, `[out_features]`, under the name plus `.bias`.
    pub has_bias: bool,
}

/// What a linear layer computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinearRole {
    /// Query, key and value in one, rows in this order.
    Qkv,
    /// Query.
    Query,
    /// Key.
    Key,
    /// Value.
    Value,
    /// Attention output.
    Output,
    /// Gate and up in one, rows in this order.
    GateUp,
    /// Gate.
    Gate,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Logits.
    LmHead,
}

impl Decoder {
    /// Tensor name of the embedding, `[vocab_size, hidden_size]`.
    pub const EMBEDDING: &'static str = "model.embed_tokens.weight";
    /// Tensor name of the last norm, `[hidden_size]`.
    pub const FINAL_NORM: &'static str = "model.norm.weight";
    /// Tensor name of the logits' weight, `[vocab_size, hidden_size]`, unless embeddings are tied.
    pub const LM_HEAD: &'static str = "lm_head.weight";

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
            WindowedLayers::Some(layers) => self.sliding_window.filter(|_| layers[layer]),
        }
    }

    /// Tensor name of the norm before attention of `layer`, `[hidden_size]`.
    pub fn attention_norm(layer: usize) -> String {
        format!("model.layers.{layer}.input_layernorm.weight")
    }

    /// Tensor name of the norm before the MLP of `layer`, `[hidden_size]`.
    pub fn mlp_norm(layer: usize) -> String {
        format!("model.layers.{layer}.post_attention_layernorm.weight")
    }

    /// The layer that makes logits; it shares the embedding's weight when they are tied.
    pub fn lm_head(&self) -> Linear {
        let weight = if self.ties_embeddings { Self::EMBEDDING } else { Self::LM_HEAD };
        Linear {
            role: LinearRole::LmHead,
            name: weight.trim_end_matches(".weight").to_owned(),
            in_features: self.hidden_size,
            out_features: self.vocab_size,
            has_bias: false,
        }
    }

    /// Names and shapes of all tensors the model needs, in order of computation.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let norm = |name: String| (name, vec![self.hidden_size]);
        let linear = |linear: Linear| {
            (format!("{}.weight", linear.name), vec![linear.out_features, linear.in_features])
        };
        let embedding = vec![self.vocab_size, self.hidden_size];
        let mut tensors = vec![(Self::EMBEDDING.to_owned(), embedding)];
        for layer in 0..self.num_layers {
            tensors.push(norm(Self::attention_norm(layer)));
            tensors.push(norm(Self::mlp_norm(layer)));
            tensors.extend(self.linears(layer).into_iter().map(linear));
        }
        tensors.push(norm(Self::FINAL_NORM.to_owned()));
        if !self.ties_embeddings {
            tensors.push(linear(self.lm_head()));
        }
        tensors
    }

    /// Linear layers of `layer`, in order of computation.
    pub fn linears(&self, layer: usize) -> Vec<Linear> {
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        let (query, kv) = (self.query_width(), self.kv_width());
        let attention = format!("model.layers.{layer}.self_attn");
        let mlp = format!("model.layers.{layer}.mlp");
        let linear = |role, parent: &str, name: &str, in_features, out_features| Linear {
            role,
            name: format!("{parent}.{name}"),
            in_features,
            out_features,
            has_bias: false,
        };
        match self.family {
            Family::Phi3 => vec![
                linear(LinearRole::Qkv, &attention, "qkv_proj", hidden, query + 2 * kv),
                linear(LinearRole::Output, &attention, "o_proj", query, hidden),
                linear(LinearRole::GateUp, &mlp, "gate_up_proj", hidden, 2 * inner),
                linear(LinearRole::Down, &mlp, "down_proj", inner, hidden),
            ],
            Family::Llama => vec![
                linear(LinearRole::Query, &attention, "q_proj", hidden, query),
                linear(LinearRole::Key, &attention, "k_proj", hidden, kv),
                linear(LinearRole::Value, &attention, "v_proj", hidden, kv),
                linear(LinearRole::Output, &attention, "o_proj", query, hidden),
                linear(LinearRole::Gate, &mlp, "gate_proj", hidden, inner),
                linear(LinearRole::Up, &mlp, "up_proj", hidden, inner),
                linear(LinearRole::Down, &mlp, "down_proj", inner, hidden),
            ],
        }
    }
}
