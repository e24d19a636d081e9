//! Tensors of a decoder: names and shapes as checkpoints have them.

use crate::decoder::{Biases, Decoder, Family};

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

/// Linear layers of one layer, by their place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerLinears {
    /// One fused projection, or query, key and value.
    pub qkv: Vec<Linear>,
    /// Attention output.
    pub output: Linear,
    /// One fused projection, or gate and up.
    pub gate_up: Vec<Linear>,
    /// Down.
    pub down: Linear,
}

/// Tensor names of the RMS norms of one layer. Those of the residual stream are `[hidden_size]`,
/// those of heads `[head_dim]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerNorms {
    /// Before attention.
    pub attention: String,
    /// Of each query head and of each key head, before rotation.
    pub heads: Option<[String; 2]>,
    /// Of what attention gives, before it is added.
    pub attention_output: Option<String>,
    /// Before the MLP.
    pub mlp: String,
    /// Of what the MLP gives, before it is added.
    pub mlp_output: Option<String>,
}

impl Linear {
    /// Tensor name of `W`, `[out_features, in_features]`.
    pub fn weight(&self) -> String {
        format!("{}.weight", self.name)
    }

    /// Tensor name of `b`, `[out_features]`, where there is one.
    pub fn bias(&self) -> Option<String> {
        self.has_bias.then(|| format!("{}.bias", self.name))
    }
}

impl Decoder {
    /// Tensor name of the embedding, `[vocab_size, hidden_size]`.
    pub const EMBEDDING: &'static str = "model.embed_tokens.weight";
    /// Tensor name of the last norm, `[hidden_size]`.
    pub const FINAL_NORM: &'static str = "model.norm.weight";
    /// Tensor name of the logits' weight, `[vocab_size, hidden_size]`, unless embeddings are tied.
    pub const LM_HEAD: &'static str = "lm_head.weight";

    /// Module path of the embedding.
    pub const EMBEDDING_MODULE: &'static str = "model.embed_tokens";
    /// Module path of the layer that makes logits, whether or not it shares the embedding's weight.
    pub const LM_HEAD_MODULE: &'static str = "lm_head";

    /// The layer that makes logits; it shares the embedding's weight when they are tied.
    pub fn lm_head(&self) -> Linear {
        let module =
            if self.ties_embeddings { Self::EMBEDDING_MODULE } else { Self::LM_HEAD_MODULE };
        Linear {
            role: LinearRole::LmHead,
            name: module.to_owned(),
            in_features: self.hidden_size,
            out_features: self.vocab_size,
            has_bias: false,
        }
    }

    /// The embedding as a matrix `[vocab_size, hidden_size]`, which makes logits too where they are
    /// tied.
    pub fn embedding_table(&self) -> Linear {
        Linear { name: Self::EMBEDDING_MODULE.to_owned(), ..self.lm_head() }
    }

    /// Names and shapes of all tensors the model needs, in order of computation.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let hidden = vec![self.hidden_size];
        let embedding = vec![self.vocab_size, self.hidden_size];
        let mut tensors = vec![(Self::EMBEDDING.to_owned(), embedding)];
        for layer in 0..self.num_layers {
            let norms = self.norms(layer);
            let of_stream = [Some(norms.attention), norms.attention_output];
            let of_stream = of_stream.into_iter().chain([Some(norms.mlp), norms.mlp_output]);
            tensors.extend(of_stream.flatten().map(|name| (name, hidden.clone())));
            let of_heads = norms.heads.into_iter().flatten();
            tensors.extend(of_heads.map(|name| (name, vec![self.head_dim])));
            for linear in self.linears(layer) {
                let shape = vec![linear.out_features, linear.in_features];
                tensors.push((linear.weight(), shape));
                tensors.extend(linear.bias().map(|bias| (bias, vec![linear.out_features])));
            }
        }
        tensors.push((Self::FINAL_NORM.to_owned(), hidden));
        if !self.ties_embeddings {
            tensors.push((Self::LM_HEAD.to_owned(), vec![self.vocab_size, self.hidden_size]));
        }
        tensors
    }

    /// Names of the norms of `layer`.
    pub fn norms(&self, layer: usize) -> LayerNorms {
        let name = |norm: &str| format!("model.layers.{layer}.{norm}.weight");
        let of_output = |norm: &str| self.has_output_norms.then(|| name(norm));
        let heads = ["self_attn.q_norm", "self_attn.k_norm"].map(name);
        // Where outputs are normed, `post_attention_layernorm` is what its name says.
        let mlp = if self.has_output_norms {
            "pre_feedforward_layernorm"
        } else {
            "post_attention_layernorm"
        };
        LayerNorms {
            attention: name("input_layernorm"),
            heads: self.has_head_norms.then_some(heads),
            attention_output: of_output("post_attention_layernorm"),
            mlp: name(mlp),
            mlp_output: of_output("post_feedforward_layernorm"),
        }
    }

    /// Linear layers of all layers, in order of computation; that of the logits is none of them.
    pub fn linears_of_layers(&self) -> impl Iterator<Item = Linear> {
        (0..self.num_layers).flat_map(|layer| self.linears(layer))
    }

    /// All linear layers, `lm_head` last where it has a weight of its own.
    pub fn all_linears(&self) -> Vec<Linear> {
        self.linears_of_layers().chain((!self.ties_embeddings).then(|| self.lm_head())).collect()
    }

    /// Linear layers of `layer`, in order of computation.
    pub fn linears(&self, layer: usize) -> Vec<Linear> {
        let LayerLinears { qkv, output, gate_up, down } = self.layer_linears(layer);
        qkv.into_iter().chain([output]).chain(gate_up).chain([down]).collect()
    }

    /// Linear layers of `layer`, by their place in it.
    pub fn layer_linears(&self, layer: usize) -> LayerLinears {
        use LinearRole::{Down, Gate, GateUp, Key, Output, Qkv, Query, Up, Value};
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        let (query, kv) = (self.query_width(), self.kv_width());
        let linear = |role: LinearRole, in_features, out_features| Linear {
            role,
            name: format!("model.layers.{layer}.{}", role.module()),
            in_features,
            out_features,
            has_bias: self.biases.of(role),
        };
        let (qkv, gate_up) = match self.family {
            Family::Phi3 => {
                (vec![linear(Qkv, hidden, query + 2 * kv)], vec![linear(GateUp, hidden, 2 * inner)])
            }
            Family::Llama
            | Family::Mistral
            | Family::Qwen2
            | Family::Qwen3
            | Family::Gemma
            | Family::Gemma2 => (
                vec![
                    linear(Query, hidden, query),
                    linear(Key, hidden, kv),
                    linear(Value, hidden, kv),
                ],
                vec![linear(Gate, hidden, inner), linear(Up, hidden, inner)],
            ),
        };
        let (output, down) = (linear(Output, query, hidden), linear(Down, inner, hidden));
        LayerLinears { qkv, output, gate_up, down }
    }
}

impl LinearRole {
    /// Path of the module in its layer; that of `lm_head` in the model.
    fn module(self) -> &'static str {
        match self {
            Self::Qkv => "self_attn.qkv_proj",
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::Output => "self_attn.o_proj",
            Self::GateUp => "mlp.gate_up_proj",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::Down => "mlp.down_proj",
            Self::LmHead => Decoder::LM_HEAD_MODULE,
        }
    }
}

impl Biases {
    fn of(self, role: LinearRole) -> bool {
        match role {
            LinearRole::Qkv | LinearRole::Query | LinearRole::Key | LinearRole::Value => self.qkv,
            LinearRole::Output => self.output,
            LinearRole::GateUp | LinearRole::Gate | LinearRole::Up | LinearRole::Down => self.mlp,
            LinearRole::LmHead => false,
        }
    }
}
