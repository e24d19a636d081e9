//! Settings of adapters that are products of two thin matrices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::Bias;

/// Settings of adapters that are products of two thin matrices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LowRank {
    /// Probability that an entry of an adapter's input is dropped while training.
    #[serde(default = "dropout")]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub lora_dropout: f64,
    /// Which biases are trained.
    #[serde(default)]
    pub bias: Bias,
    /// Divide `alpha` by the root of the rank instead of the rank.
    ///
    /// Kalajdzievski, "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA" (2023).
    #[serde(default)]
    pub use_rslora: bool,
    /// What adapters start from.
    ///
    /// `true` starts `A` uniform and `B` zero, so that the first step is that of the base model;
    /// `gaussian` draws `A` from a normal distribution; `orthogonal` and `false` change the model
    /// from the start.
    #[serde(default)]
    #[schemars(extend(
        "x-olive-renamed-from" = ["init_weights"],
        "x-olive-unavailable-values" = unavailable_starts()
    ))]
    pub init_lora_weights: InitLoraWeights,
}

/// What the two factors start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum InitLoraWeights {
    /// Whether the product starts at zero.
    Zero(bool),
    /// By name.
    Named(NamedInit),
}

/// A start with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NamedInit {
    /// `A` from a normal distribution of width `1 / r`, `B` zero.
    Gaussian,
    /// Rows of `A` and columns of `B` from one orthogonal matrix; `r` must be even.
    Orthogonal,
}

impl Default for InitLoraWeights {
    fn default() -> Self {
        Self::Zero(true)
    }
}

const fn dropout() -> f64 {
    0.05
}

/// Starts of PEFT that are not here.
fn unavailable_starts() -> serde_json::Map<String, serde_json::Value> {
    let decomposes = "it starts from a decomposition of the weights, which is not written yet";
    let names = ["corda", "eva", "lora_ga", "olora", "pissa"];
    let others = names.map(|name| (name.to_owned(), decomposes.into()));
    let loftq = ("loftq".to_owned(), "the pass `LoftQ` starts so".into());
    others.into_iter().chain([loftq]).collect()
}
