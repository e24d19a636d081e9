//! Settings of the training, by the names of transformers' `TrainingArguments`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::known;

/// Settings of the training, by the names of transformers' `TrainingArguments`.
///
/// A step updates the adapters once, from `per_device_train_batch_size` times
/// `gradient_accumulation_steps` blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend(
    "x-olive-ignored" = known::left_out_of_training(),
    "x-olive-unavailable" = known::unavailable_in_training()
))]
pub struct TrainingArgs {
    /// Seed of the first adapters and of dropout.
    pub seed: u64,
    /// Seed of the order of the data and of the evaluation split; `seed` when `null`.
    pub data_seed: Option<u64>,
    /// Blocks computed at once while training.
    #[schemars(
        range(min = 1),
        extend("x-olive-renamed-from" = ["per_gpu_train_batch_size"])
    )]
    pub per_device_train_batch_size: usize,
    /// Blocks computed at once while evaluating.
    #[schemars(
        range(min = 1),
        extend("x-olive-renamed-from" = ["per_gpu_eval_batch_size"])
    )]
    pub per_device_eval_batch_size: usize,
    /// Batches whose gradients make one step.
    #[schemars(range(min = 1))]
    pub gradient_accumulation_steps: usize,
    /// Keep one layer's activations in memory, and compute the others again.
    ///
    /// Less memory, a third more time, the same result.
    pub gradient_checkpointing: bool,
    /// Largest learning rate.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Times through the data, 3 when `null`; parts of a time are possible.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub num_train_epochs: Option<f64>,
    /// Steps of the training; beats `num_train_epochs` unless it is -1.
    #[schemars(range(min = -1), extend(
        "not" = {"const": 0},
        "errorMessage" = "write -1 to train as long as `num_train_epochs` says, or 1 and more"
    ))]
    pub max_steps: i64,
    /// Steps between two log lines.
    #[serde(deserialize_with = "steps")]
    #[schemars(range(min = 1))]
    pub logging_steps: usize,
    /// When the evaluation loss is computed.
    ///
    /// `null` means every `eval_steps` steps, provided that there is evaluation data.
    #[schemars(extend("x-olive-renamed-from" = ["evaluation_strategy"]))]
    pub eval_strategy: Option<EvalStrategy>,
    /// Steps between two evaluations; `logging_steps` when `null`.
    #[serde(deserialize_with = "optional_steps")]
    #[schemars(range(min = 1))]
    pub eval_steps: Option<usize>,
    /// Put blocks of about one length into one batch.
    pub group_by_length: bool,
    /// The optimizer; those of these names compute the same.
    #[schemars(extend("x-olive-unavailable-values" = known::unavailable_optimizers()))]
    pub optim: Optimizer,
    /// Decay of the mean of the gradients.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub adam_beta1: f64,
    /// Decay of the mean of their squares.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub adam_beta2: f64,
    /// Added to the root of the squares.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub adam_epsilon: f64,
    /// Share of a parameter taken off per step and unit of rate.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Largest norm of the gradients; longer ones are scaled down. 0 never scales.
    #[schemars(range(min = 0.0))]
    pub max_grad_norm: f64,
    /// Course of the learning rate.
    #[schemars(extend("x-olive-unavailable-values" = known::unavailable_schedules()))]
    pub lr_scheduler_type: LrSchedulerType,
    /// Share of the steps over which the rate rises from 0; without effect on `constant`.
    #[schemars(range(min = 0.0, max = 1.0), extend(
        "errorMessage" = "write a share from 0 to 1; a number of steps belongs in `warmup_steps`"
    ))]
    pub warmup_ratio: f64,
    /// Steps over which the rate rises from 0; beats `warmup_ratio` unless it is 0.
    pub warmup_steps: usize,
}

impl Default for TrainingArgs {
    fn default() -> Self {
        Self {
            seed: 42,
            data_seed: None,
            per_device_train_batch_size: 8,
            per_device_eval_batch_size: 8,
            gradient_accumulation_steps: 1,
            gradient_checkpointing: true,
            learning_rate: 2e-4,
            num_train_epochs: None,
            max_steps: -1,
            logging_steps: 500,
            eval_strategy: None,
            eval_steps: None,
            group_by_length: false,
            optim: Optimizer::default(),
            adam_beta1: 0.9,
            adam_beta2: 0.999,
            adam_epsilon: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            lr_scheduler_type: LrSchedulerType::default(),
            warmup_ratio: 0.03,
            warmup_steps: 0,
        }
    }
}

/// When the evaluation loss is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EvalStrategy {
    /// Never.
    No,
    /// Every `eval_steps` steps.
    Steps,
    /// After every epoch.
    Epoch,
}

/// Implementations of `AdamW`, all of which compute the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// That of torch.
    #[default]
    AdamwTorch,
    /// The same in one kernel.
    AdamwTorchFused,
    /// The same for XLA devices.
    AdamwTorchXla,
    /// The same in one kernel of NPUs.
    AdamwTorchNpuFused,
    /// The same in one kernel of Apex.
    AdamwApexFused,
    /// The one transformers had.
    AdamwHf,
    /// That of bitsandbytes with moments that may leave the GPU.
    PagedAdamw,
    /// The same under its other name.
    #[serde(rename = "paged_adamw_32bit")]
    PagedAdamw32bit,
}

/// Course of the learning rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LrSchedulerType {
    /// The same for every step, without warm-up.
    #[default]
    Constant,
    /// The same after the warm-up.
    ConstantWithWarmup,
    /// Down to 0 in a line after the warm-up.
    Linear,
    /// Down to 0 in half a cosine after the warm-up.
    Cosine,
}

/// A whole number, which transformers also takes as a float: `50.0`.
fn steps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    optional_steps(deserializer)?.ok_or_else(|| serde::de::Error::custom("steps are not a number"))
}

fn optional_steps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let Some(steps) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    whole(steps).map(Some).ok_or_else(|| {
        serde::de::Error::custom(format!("{steps} steps are not a whole number from 1 on"))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number of 1 or more; out of range saturates"
)]
fn whole(steps: f64) -> Option<usize> {
    (steps >= 1.0 && steps.fract() == 0.0).then_some(steps as usize)
}
