//! How large a model is: counts of values, as bytes and activations follow from them.

use olive_validator_api::ModelDescription;
use serde_json::Value;

use crate::model::{Linear, dimension, last_name, linears};

/// Sizes of a decoder-only model. Counts are floats, since products of wild shapes overflow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    /// Values of all tensors.
    pub(crate) values: f64,
    /// Bytes of all tensors as they are stored.
    pub(crate) stored_bytes: f64,
    /// Linear layers inside the model.
    pub(crate) linears: Vec<Linear>,
    /// Layers.
    pub(crate) layers: f64,
    /// Width between layers.
    pub(crate) hidden: f64,
    /// Width between the halves of the MLP.
    pub(crate) inner: f64,
    /// Width of all query heads.
    pub(crate) query: f64,
    /// Width of all key heads, and of all value heads.
    pub(crate) kv: f64,
    /// Width of a head.
    pub(crate) head: f64,
    /// Rows of the embedding.
    pub(crate) vocabulary: f64,
    /// Positions of the rotary tables.
    pub(crate) positions: f64,
    /// Whether logits are made with the embedding.
    pub(crate) ties: bool,
}

impl Shape {
    /// The sizes of `model`, when its config and its tensors tell them.
    pub(crate) fn of(model: &ModelDescription) -> Option<Self> {
        let count = |key: &str| dimension(model, key).map(|count| count as f64);
        let (hidden, heads) = (count("hidden_size")?, count("num_attention_heads")?);
        let head = count("head_dim").unwrap_or(hidden / heads.max(1.0));
        let ties = model.config.as_ref()?.get("tie_word_embeddings") == Some(&Value::Bool(true));
        let product = |shape: &[u64]| shape.iter().map(|width| *width as f64).product::<f64>();
        let sizes = model.tensors.iter().map(|group| product(&group.shape) * group.count as f64);
        let linears = linears(model);
        (!linears.is_empty()).then_some(Self {
            values: sizes.sum(),
            stored_bytes: model.total_bytes as f64,
            linears,
            layers: count("num_hidden_layers")?,
            hidden,
            inner: count("intermediate_size")?,
            query: heads * head,
            kv: count("num_key_value_heads").unwrap_or(heads) * head,
            head,
            vocabulary: count("vocab_size")?,
            positions: count("max_position_embeddings").unwrap_or_default(),
            ties,
        })
    }

    /// Values that one token leaves in one layer for its backward: the stream twice, queries, keys
    /// and values, the attention with its sums, gate and up.
    pub(crate) fn kept(&self) -> f64 {
        let qkv = self.query + 2.0 * self.kv;
        let heads = self.query / self.head.max(1.0);
        2.0 * self.hidden + qkv + self.query + 2.0 * self.inner + heads
    }

    /// Values that the work on one layer takes for one token: the gate's product, a norm's output,
    /// and the gradients of both and of queries, keys and values.
    pub(crate) fn working(&self) -> f64 {
        2.0 * self.inner + 2.0 * self.hidden + self.query + 2.0 * self.kv
    }

    /// The layer that makes logits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "widths, which were whole numbers"
    )]
    pub(crate) fn head_layer(&self) -> Linear {
        let (inputs, outputs) = (self.hidden as u64, self.vocabulary as u64);
        Linear { path: "lm_head".to_owned(), inputs, outputs, count: 1 }
    }

    /// Values of the matrix that makes logits.
    pub(crate) fn logits_matrix(&self) -> f64 {
        self.vocabulary * self.hidden
    }

    /// The same model with a weight of its own for the layer of logits.
    #[must_use]
    pub(crate) fn untied(mut self) -> Self {
        if self.ties {
            let table = self.logits_matrix();
            self.stored_bytes += table * self.stored_bytes / self.values.max(1.0);
            self.values += table;
            self.ties = false;
        }
        self
    }

    /// Linear layers of one layer that share their inputs, in order of computation.
    pub(crate) fn sites(&self) -> [Vec<&Linear>; 4] {
        let mut sites: [Vec<&Linear>; 4] = Default::default();
        for linear in &self.linears {
            let site = match last_name(&linear.path) {
                "q_proj" | "k_proj" | "v_proj" | "qkv_proj" => 0,
                "o_proj" => 1,
                "gate_proj" | "up_proj" | "gate_up_proj" => 2,
                _ => 3,
            };
            sites[site].push(linear);
        }
        sites
    }

    /// Values of the matrices of one layer.
    pub(crate) fn layer(&self) -> f64 {
        self.linears.iter().map(size).sum()
    }

    /// Values of all matrices inside the layers.
    pub(crate) fn matrices(&self) -> f64 {
        self.linears.iter().map(|linear| size(linear) * linear.count as f64).sum()
    }

    /// Values of the largest matrix inside the layers.
    pub(crate) fn largest_matrix(&self) -> f64 {
        self.linears.iter().map(size).fold(0.0, f64::max)
    }
}

/// Values of one matrix.
pub(crate) fn size(linear: &Linear) -> f64 {
    linear.inputs as f64 * linear.outputs as f64
}
