//! Settings of the passes `LoRA` and `DoRA`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{eval_split, finetune};
use super::{AdapterPass, Common, LowRank, Method};
use crate::{advice, known};

/// Settings of the `LoRA` pass: train low-rank adapters on a frozen model.
///
/// Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_lora(),
    "x-olive-unavailable" = known::unavailable_in_lora(),
    "x-olive-advice" = advice::all(advice::Kind::LowRank),
    "x-olive-adapter" = "adds",
    "x-olive-shortcuts" = [finetune("lora")],
    "x-olive-eval-split" = eval_split()
))]
pub struct LoraConfig {
    /// What all passes share.
    #[serde(flatten)]
    pub common: Common,
    /// What low-rank products share.
    #[serde(flatten)]
    pub low_rank: LowRank,
}

/// Settings of the `DoRA` pass: train low-rank adapters and the norm of each row apart.
///
/// Liu et al., "`DoRA`: Weight-Decomposed Low-Rank Adaptation" (2024).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_dora(),
    "x-olive-advice" = advice::all(advice::Kind::LowRank),
    "x-olive-adapter" = "adds",
    "x-olive-shortcuts" = [finetune("dora")],
    "x-olive-eval-split" = eval_split()
))]
pub struct DoraConfig {
    /// What all passes share.
    #[serde(flatten)]
    pub common: Common,
    /// What low-rank products share.
    #[serde(flatten)]
    pub low_rank: LowRank,
}

impl AdapterPass for LoraConfig {
    const NAME: &'static str = "LoRA";
    const SUMMARY: &'static str = "Train low-rank adapters on a frozen model.";

    fn common(&self) -> &Common {
        &self.common
    }

    fn method(&self) -> Method<'_> {
        Method::Lora(&self.low_rank)
    }
}

impl AdapterPass for DoraConfig {
    const NAME: &'static str = "DoRA";
    const SUMMARY: &'static str =
        "Train low-rank adapters and the norms of the rows of a frozen model.";

    fn common(&self) -> &Common {
        &self.common
    }

    fn method(&self) -> Method<'_> {
        Method::Dora(&self.low_rank)
    }
}
