//! Which layers are adapted, how, and with which values.

use std::collections::BTreeMap;

use crate::parameter::{Parameter, ParameterId};

/// Adapters of some layers with the values they hold.
#[derive(Debug, Clone, Default)]
pub struct Adapters {
    /// All trained tensors.
    pub parameters: Vec<Parameter>,
    /// What adapts each linear layer, by module path such as `model.layers.0.self_attn.q_proj`.
    pub layers: BTreeMap<String, Layer>,
    /// Biases that are trained, `[out_features]`, by module path.
    pub biases: BTreeMap<String, ParameterId>,
    /// Weights that are trained whole (`modules_to_save`), by module path: linear layers, `lm_head`,
    /// the embedding, norms.
    pub saved: BTreeMap<String, ParameterId>,
}

/// What adapts one linear layer `y = W x + bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// How.
    pub method: Method,
    /// Factor on what is added to `W`.
    pub scale: f64,
    /// What is dropped while training.
    pub drop: Drop,
}

/// Probabilities, below 1, with which something is dropped while training.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Drop {
    /// An entry of the input (`LoRA`, `DoRA`).
    pub input: f64,
    /// A row of the added weight (`LoHa`, `LoKr`).
    pub rank: f64,
    /// Whether kept rows are scaled up by what was dropped; always in `LoHa`.
    pub scales_rank: bool,
    /// What is added as a whole (`LoHa`, `LoKr`).
    pub module: f64,
}

/// How a layer is adapted.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// `W + scale B A`: Hu et al., "LoRA" (2021).
    Lora {
        /// `A`, `[rank, in_features]`.
        a: ParameterId,
        /// `B`, `[out_features, rank]`.
        b: ParameterId,
        /// Norm of each row, `[out_features]`: Liu et al., "`DoRA`" (2024).
        magnitude: Option<ParameterId>,
    },
    /// `W + scale (W1a W1b) ∘ (W2a W2b)`: Hyeon-Woo et al., "`FedPara`" (2021).
    Loha {
        /// `[out_features, rank]`.
        w1_a: ParameterId,
        /// `[rank, in_features]`.
        w1_b: ParameterId,
        /// `[out_features, rank]`.
        w2_a: ParameterId,
        /// `[rank, in_features]`.
        w2_b: ParameterId,
    },
    /// `W + scale (W1 ⊗ W2)`: Yeh et al., "`LyCORIS`" (2023).
    Lokr {
        /// `[out_1, in_1]`.
        w1: Factor,
        /// `[out_2, in_2]`, with `out_1 out_2 = out_features` and `in_1 in_2 = in_features`.
        w2: Factor,
    },
}

/// A matrix, whole or as a product.
#[derive(Debug, Clone, PartialEq)]
pub enum Factor {
    /// The matrix itself.
    Whole(ParameterId),
    /// `[rows, rank]` times `[rank, columns]`.
    Product(ParameterId, ParameterId),
}

impl Adapters {
    /// No adapters: the base model.
    pub fn none() -> Self {
        Self::default()
    }

    /// The values of a parameter.
    pub fn values(&self, id: ParameterId) -> &[f32] {
        &self.parameters[id.0].values
    }

    /// A parameter.
    pub fn parameter(&self, id: ParameterId) -> &Parameter {
        &self.parameters[id.0]
    }

    /// Number of trained values.
    pub fn num_values(&self) -> usize {
        self.parameters.iter().map(|parameter| parameter.values.len()).sum()
    }

    /// Whether nothing is trained or adapted.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }
}
