//! Settings that every pass for adapters has.

use std::collections::BTreeMap;

use olive_plugin_api::{EvalSplit, Offer, Shortcut};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{Layers, Names, TorchDtype};
use crate::arguments::TrainingArgs;

/// Settings that every pass for adapters has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Common {
    /// Rank of the adapters: the inner width of their products.
    #[serde(default = "rank")]
    #[schemars(
        range(min = 1, max = 65_536),
        extend("x-olive-renamed-from" = ["lora_r"], "x-olive-search" = [16, 32, 64])
    )]
    pub r: usize,
    /// Numerator of the adapters' scale: what is added to a weight is multiplied by `alpha / r`.
    #[serde(default = "alpha")]
    #[schemars(extend(
        "exclusiveMinimum" = 0,
        "x-olive-renamed-from" = ["lora_alpha"],
        "x-olive-search" = [16, 32, 64]
    ))]
    pub alpha: f64,
    /// Linear layers to adapt: a list of names, or a regular expression.
    ///
    /// A name is a layer's path or the end of it after a dot, such as `o_proj`; an expression must
    /// fit the whole path. `all-linear` adapts every linear layer but `lm_head`. `null` is
    /// `all-linear` for `QLoRA`, `LoftQ`, `LoHa` and `LoKr`; `LoRA` and `DoRA` then choose by the
    /// model's family: `o_proj` and `qkv_proj` for Phi-3, `q_proj` and `v_proj` for the others.
    #[serde(default)]
    pub target_modules: Option<Names>,
    /// Layers of `target_modules` to leave out, named in the same way.
    #[serde(default)]
    pub exclude_modules: Option<Names>,
    /// Numbers of the decoder layers to adapt, from 0; all when `null`.
    #[serde(default)]
    pub layers_to_transform: Option<Layers>,
    /// Name of the list of layers in paths, for `layers_to_transform`; `layers` when `null`.
    #[serde(default)]
    pub layers_pattern: Option<Names>,
    /// Ranks other than `r`, by the end of a path or a regular expression for it.
    #[serde(default)]
    pub rank_pattern: BTreeMap<String, usize>,
    /// Values other than `alpha`, by the end of a path or a regular expression for it.
    #[serde(default)]
    pub alpha_pattern: BTreeMap<String, f64>,
    /// Modules to train whole beside the adapters, such as `lm_head`, by the end of their path.
    #[serde(default)]
    pub modules_to_save: Option<Vec<String>>,
    /// Type training computes in.
    ///
    /// Weights are held in it too. Activations, adapters and sums stay in 32-bit float, and
    /// adapters are written in it.
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

/// What the pass does for `olive finetune --method METHOD`.
pub(super) fn finetune(method: &str) -> Offer {
    Offer::new(Shortcut::Finetune).by(method)
}

/// How blocks of the training data are kept back, for `olive data preview`.
pub(super) fn eval_split() -> EvalSplit {
    EvalSplit {
        of: "/train_data_config".into(),
        unless: Some("/eval_data_config".into()),
        size: "/eval_dataset_size".into(),
        seeds: vec!["/training_args/data_seed".into(), "/training_args/seed".into()],
        default_seed: TrainingArgs::default().seed,
    }
}

impl Common {
    /// The settings of the training.
    pub fn training_args(&self) -> TrainingArgs {
        self.training_args.clone().unwrap_or_default()
    }
}

const fn rank() -> usize {
    64
}

const fn alpha() -> f64 {
    16.0
}
