//! Settings of the passes `LoHa` and `LoKr`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{eval_split, finetune};
use super::{AdapterPass, Common, Method};
use crate::{advice, known};

/// Settings of adapters that are products of products.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lycoris {
    /// Probability that a row of what is added to a weight is dropped while training.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub rank_dropout: f64,
    /// Probability that all that is added to a weight is dropped while training.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub module_dropout: f64,
}

/// Settings of the `LoHa` pass: train elementwise products of two low-rank products.
///
/// Hyeon-Woo et al., "`FedPara`: Low-Rank Hadamard Product for Communication-Efficient Federated
/// Learning" (2021). Twice the values of `LoRA` at a rank, for a rank of up to its square.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_loha(),
    "x-olive-unavailable" = known::unavailable_in_lycoris(),
    "x-olive-advice" = advice::all(advice::Kind::Lycoris),
    "x-olive-adapter" = "adds",
    "x-olive-shortcuts" = [finetune("loha")],
    "x-olive-eval-split" = eval_split()
))]
pub struct LohaConfig {
    /// What all passes share.
    #[serde(flatten)]
    pub common: Common,
    /// What products of products share.
    #[serde(flatten)]
    pub lycoris: Lycoris,
    /// Whether the first step is that of the base model; `false` starts everything at random.
    #[serde(default = "yes")]
    pub init_weights: bool,
}

/// Settings of the `LoKr` pass: train Kronecker products.
///
/// Yeh et al., "Navigating Text-To-Image Customization: From `LyCORIS` Fine-Tuning to Model
/// Evaluation" (2023).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_lokr(),
    "x-olive-unavailable" = known::unavailable_in_lycoris(),
    "x-olive-advice" = advice::all(advice::Kind::Lycoris),
    "x-olive-adapter" = "adds",
    "x-olive-shortcuts" = [finetune("lokr")],
    "x-olive-eval-split" = eval_split()
))]
pub struct LokrConfig {
    /// What all passes share.
    #[serde(flatten)]
    pub common: Common,
    /// What products of products share.
    #[serde(flatten)]
    pub lycoris: Lycoris,
    /// What adapters start from.
    ///
    /// `true` starts the smaller factor at zero and `lycoris` the larger one, so that the first
    /// step is that of the base model; `false` starts both at random.
    #[serde(default)]
    pub init_weights: InitLokrWeights,
    /// Make the smaller factor a low-rank product too, where that is smaller.
    #[serde(default)]
    pub decompose_both: bool,
    /// Size of the smaller factor; -1 cuts a weight's sides as near to their roots as it can.
    #[serde(default = "nearest")]
    #[schemars(range(min = -1), extend(
        "not" = {"const": 0},
        "errorMessage" = "write -1 for the sizes nearest to the root, or 1 and more"
    ))]
    pub decompose_factor: i64,
    /// Scale rows that were not dropped up, so that their mean stays.
    #[serde(default)]
    pub rank_dropout_scale: bool,
}

/// What the two factors of a Kronecker product start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum InitLokrWeights {
    /// Whether the product starts at zero, by its smaller factor.
    Zero(bool),
    /// By name.
    Named(LycorisInit),
}

/// A start of Kronecker products with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LycorisInit {
    /// The larger factor starts at zero.
    Lycoris,
}

impl Default for InitLokrWeights {
    fn default() -> Self {
        Self::Zero(true)
    }
}

impl AdapterPass for LohaConfig {
    const NAME: &'static str = "LoHa";
    const SUMMARY: &'static str =
        "Train elementwise products of low-rank products on a frozen model.";

    fn common(&self) -> &Common {
        &self.common
    }

    fn method(&self) -> Method<'_> {
        Method::Loha { lycoris: &self.lycoris, starts_random: !self.init_weights }
    }
}

impl AdapterPass for LokrConfig {
    const NAME: &'static str = "LoKr";
    const SUMMARY: &'static str = "Train Kronecker products on a frozen model.";

    fn common(&self) -> &Common {
        &self.common
    }

    fn method(&self) -> Method<'_> {
        Method::Lokr {
            lycoris: &self.lycoris,
            start: self.init_weights,
            decomposes_both: self.decompose_both,
            factor: usize::try_from(self.decompose_factor).ok(),
            scales_rank_dropout: self.rank_dropout_scale,
        }
    }
}

const fn yes() -> bool {
    true
}

const fn nearest() -> i64 {
    -1
}
