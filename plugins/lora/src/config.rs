//! Settings of the pass, as a user writes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::training_args::TrainingArgs;
use crate::{advice, known};

/// Settings of the `LoRA` pass: train low-rank adapters on a frozen model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::left_out_of_settings(),
    "x-olive-unavailable" = {
        "modules_to_save": {"reason": "only adapters are trained", "unless": [null, []]}
    },
    "x-olive-advice" = advice::all(),
    "x-olive-adapter" = "adds"
))]
pub struct LoraConfig {
    /// Rank of the adapters: columns of `B` and rows of `A`.
    #[serde(default = "rank")]
    #[schemars(range(min = 1, max = 65_536), extend("x-olive-renamed-from" = ["lora_r"]))]
    pub r: usize,
    /// Numerator of the adapters' scale: an adapted weight is `W + alpha / r * B A`.
    #[serde(default = "alpha")]
    #[schemars(extend("exclusiveMinimum" = 0, "x-olive-renamed-from" = ["lora_alpha"]))]
    pub alpha: f64,
    /// Probability that an entry of an adapter's input is dropped while training.
    #[serde(default = "dropout")]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub lora_dropout: f64,
    /// Linear layers to adapt, each by its name or the end of its path, such as `o_proj`.
    ///
    /// `all-linear` adapts every linear layer but `lm_head`. `null` chooses by the model's family:
    /// `o_proj` and `qkv_proj` for Phi-3, `q_proj` and `v_proj` for Llama.
    #[serde(default)]
    pub target_modules: Option<TargetModules>,
    /// Which biases are trained.
    #[serde(default)]
    #[schemars(extend("x-olive-unavailable-values" = {
        "all": "biases are not trained",
        "lora_only": "biases are not trained"
    }))]
    pub bias: Bias,
    /// Type training computes in, in Olive.
    ///
    /// Here weights are read as they are stored, computed with in 32-bit float, and adapters are
    /// written in it, whatever the type.
    #[serde(default)]
    pub torch_dtype: TorchDtype,
    /// Name of the data config to train on.
    #[schemars(extend("x-olive-reference" = "data_config"))]
    pub train_data_config: String,
    /// Name of the data config the evaluation loss is computed on.
    #[serde(default)]
    #[schemars(extend("x-olive-reference" = "data_config"))]
    pub eval_data_config: Option<String>,
    /// Training blocks kept back for the evaluation loss: a share below 1, or a count.
    ///
    /// Only used without `eval_data_config`.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub eval_dataset_size: Option<f64>,
    /// Settings of the training; `null` leaves all at their defaults.
    #[serde(default)]
    pub training_args: Option<TrainingArgs>,
}

/// Linear layers to adapt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TargetModules {
    /// All of them but `lm_head`.
    All(AllLinear),
    /// Those with these names.
    Named(Vec<String>),
}

/// The word for all linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AllLinear {
    /// Every linear layer but `lm_head`.
    #[serde(rename = "all-linear")]
    AllLinear,
}

/// Which biases are trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bias {
    /// None of them.
    #[default]
    None,
}

/// Type training computes in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TorchDtype {
    /// 16-bit float with the range of 32 bits.
    #[default]
    Bfloat16,
    /// 32-bit float.
    Float32,
    /// 16-bit float.
    Float16,
}

impl LoraConfig {
    /// The settings of the training.
    pub fn training_args(&self) -> TrainingArgs {
        self.training_args.clone().unwrap_or_default()
    }
}

impl TorchDtype {
    /// The name a config uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bfloat16 => "bfloat16",
            Self::Float32 => "float32",
            Self::Float16 => "float16",
        }
    }
}

const fn rank() -> usize {
    64
}

const fn alpha() -> f64 {
    16.0
}

const fn dropout() -> f64 {
    0.05
}
