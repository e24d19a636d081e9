//! Settings of the passes `QLoRA` and `LoftQ`, which train on a model in 4 bits.

use std::num::NonZero;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::common::{eval_split, finetune};
use super::{AdapterPass, Base, Common, LowRank, Method, TorchDtype};
use crate::{advice, known};

/// Settings of the `QLoRA` pass: train low-rank adapters on a model in 4 bits.
///
/// Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs" (2023).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_qlora(),
    "x-olive-unavailable" = known::unavailable_in_qlora(),
    "x-olive-advice" = advice::all(advice::Kind::FourBit),
    "x-olive-adapter" = "adds",
    "x-olive-shortcuts" = [finetune("qlora").with(json!({"save_quant_config": false}))],
    "x-olive-eval-split" = eval_split()
))]
pub struct QloraConfig {
    /// What all passes share.
    #[serde(flatten)]
    pub common: Common,
    /// What low-rank products share.
    #[serde(flatten)]
    pub low_rank: LowRank,
    /// The sixteen values a weight is rounded to.
    #[serde(default)]
    pub quant_type: QuantType,
    /// Store the scales of blocks as 8-bit codes too.
    ///
    /// Saves 0.37 bits a weight, and rounds a little more.
    #[serde(default)]
    pub double_quant: bool,
    /// Type of the products with weights in 4 bits; `torch_dtype` when `null`.
    #[serde(default)]
    pub compute_dtype: Option<TorchDtype>,
    /// Write down that the base is to be loaded in 4 bits.
    ///
    /// Later passes then see the weights the adapter was trained on. Without it they see the
    /// weights as they were stored, which are more precise but not quite those.
    #[serde(default = "yes")]
    pub save_quant_config: bool,
}

/// Settings of the `LoftQ` pass: train adapters that start as what rounding to 4 bits has lost.
///
/// Li et al., "`LoftQ`: LoRA-Fine-Tuning-Aware Quantization for Large Language Models" (2023). Codes
/// are `nf4` in blocks of 64, without double quantization. Adapters start so that the first step is
/// nearly that of the base model, whatever their scale; PEFT leaves the scale out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_loftq(),
    "x-olive-unavailable" = known::unavailable_in_loftq(),
    "x-olive-advice" = advice::all(advice::Kind::FourBit),
    "x-olive-adapter" = "adds",
    "x-olive-shortcuts" = [finetune("loftq")],
    "x-olive-eval-split" = eval_split()
))]
pub struct LoftqConfig {
    /// What all passes share.
    #[serde(flatten)]
    pub common: Common,
    /// What low-rank products share.
    #[serde(flatten)]
    pub low_rank: LowRank,
    /// Rounds of rounding the weights and decomposing what it has lost.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub loftq_iter: NonZero<usize>,
    /// Type of the products with weights in 4 bits; `torch_dtype` when `null`.
    #[serde(default)]
    pub compute_dtype: Option<TorchDtype>,
    /// Write down that the base is to be loaded in 4 bits.
    ///
    /// The base that is written is the rounded one already; loading it so changes nothing but the
    /// memory it takes.
    #[serde(default = "yes")]
    pub save_quant_config: bool,
}

/// The sixteen values a weight is rounded to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuantType {
    /// Quantiles of a normal distribution.
    #[default]
    Nf4,
    /// Floats of one sign, two exponent and one mantissa bit.
    Fp4,
}

impl AdapterPass for QloraConfig {
    const NAME: &'static str = "QLoRA";
    const SUMMARY: &'static str = "Train low-rank adapters on a frozen model in 4 bits.";

    fn common(&self) -> &Common {
        &self.common
    }

    fn method(&self) -> Method<'_> {
        Method::Lora(&self.low_rank)
    }

    fn base(&self) -> Base {
        Base::FourBit {
            kind: self.quant_type,
            double: self.double_quant,
            compute: self.compute_dtype,
            saves_config: self.save_quant_config,
        }
    }
}

impl AdapterPass for LoftqConfig {
    const NAME: &'static str = "LoftQ";
    const SUMMARY: &'static str =
        "Train low-rank adapters that start as what rounding a model to 4 bits has lost.";
    // Its base is written before it is trained on.
    const HAS_RANKS: bool = false;

    fn common(&self) -> &Common {
        &self.common
    }

    fn method(&self) -> Method<'_> {
        Method::Lora(&self.low_rank)
    }

    fn base(&self) -> Base {
        Base::Loftq {
            iterations: self.loftq_iter,
            compute: self.compute_dtype,
            saves_config: self.save_quant_config,
        }
    }
}

const fn one() -> NonZero<usize> {
    NonZero::<usize>::MIN
}

const fn yes() -> bool {
    true
}
