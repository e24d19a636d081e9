//! Settings of the training, by the names of transformers' `TrainingArguments`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known;

mod backend;
mod numbers;
mod optimizer;
mod reports;
mod schedule;
mod when;

pub use backend::DdpBackend;
pub use optimizer::{Optim, OptimArgs, OptimArgsError};
pub use reports::{ReportTo, Reporter};
pub(crate) use schedule::KWARGS;
pub use schedule::{Curve, LrSchedulerType, SchedulerKwargs, ThresholdMode};
pub use when::{BestMetric, EvalStrategy, LoggingStrategy, Resume, SamplingStrategy, SaveStrategy};

/// Settings of the training, by the names of transformers' `TrainingArguments`.
///
/// A step updates the adapters once, from `per_device_train_batch_size` times
/// `gradient_accumulation_steps` blocks. Numbers of steps may be shares of all steps: `0.1` is
/// every tenth of the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of transformers")]
#[schemars(extend(
    "x-olive-ignored" = known::left_out_of_training(),
    "x-olive-unavailable" = known::unavailable_in_training()
))]
pub struct TrainingArgs {
    /// Seed of the first adapters, of dropout and of noise.
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
    /// Leave out the last batch of an epoch when it is smaller than the others.
    pub dataloader_drop_last: bool,
    /// Order of the blocks in an epoch.
    #[schemars(extend("x-olive-unavailable-values" = known::unavailable_orders()))]
    pub train_sampling_strategy: SamplingStrategy,
    /// Put blocks of about one length into one batch, whatever `train_sampling_strategy` says.
    pub group_by_length: bool,
    /// Keep one layer's activations in memory, and compute the others again.
    ///
    /// Less memory, a third more time, the same result.
    #[schemars(extend("x-olive-renamed-from" = ["activation_checkpointing"]))]
    pub gradient_checkpointing: bool,
    /// Times through the data, 3 when `null`; parts of a time are possible.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub num_train_epochs: Option<f64>,
    /// Steps of the training; beats `num_train_epochs` unless it is -1.
    #[schemars(range(min = -1), extend(
        "not" = {"const": 0},
        "errorMessage" = "write -1 to train as long as `num_train_epochs` says, or 1 and more"
    ))]
    pub max_steps: i64,
    /// The optimizer.
    ///
    /// Those of several names compute the same: moments never leave the processor's memory, and
    /// every operation is fused.
    #[schemars(extend("x-olive-unavailable-values" = known::unavailable_optimizers()))]
    pub optim: Optim,
    /// Settings of `sgd`, `adagrad` and `rmsprop`, such as `momentum=0.9, nesterov=true`.
    pub optim_args: Option<OptimArgs>,
    /// Largest learning rate.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Decay of the mean of the gradients, in `AdamW` and Lion.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub adam_beta1: f64,
    /// Decay of the mean of their squares in `AdamW`, of the mean itself in Lion.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub adam_beta2: f64,
    /// Added to the root of the squares in `AdamW`.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub adam_epsilon: f64,
    /// Share of a parameter taken off per step and unit of rate; not of biases and norms.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Largest norm of the gradients; longer ones are scaled down. 0 never scales.
    #[schemars(range(min = 0.0))]
    pub max_grad_norm: f64,
    /// What carries the sums of several ranks; `gloo` when `null`.
    ///
    /// The result is the same: all add in one order.
    #[schemars(extend("x-olive-unavailable-values" = known::unavailable_backends()))]
    pub ddp_backend: Option<DdpBackend>,
    /// Seconds that a rank waits for another one, where several train together.
    #[schemars(range(min = 1))]
    pub ddp_timeout: u64,
    /// Course of the learning rate.
    #[schemars(extend("x-olive-unavailable-values" = known::unavailable_schedules()))]
    pub lr_scheduler_type: LrSchedulerType,
    /// Settings of the course.
    pub lr_scheduler_kwargs: Option<SchedulerKwargs>,
    /// Share of the steps over which the rate rises from 0; without effect on `constant`.
    #[schemars(range(min = 0.0, max = 1.0), extend(
        "errorMessage" = "write a share from 0 to 1; a number of steps belongs in `warmup_steps`"
    ))]
    pub warmup_ratio: f64,
    /// Steps over which the rate rises from 0, or their share below 1; beats `warmup_ratio`.
    #[serde(deserialize_with = "numbers::steps_or_zero")]
    #[schemars(range(min = 0.0), extend(
        "not" = numbers::broken(),
        "errorMessage" = "write a whole number of steps, or a share of all steps below 1"
    ))]
    pub warmup_steps: f64,
    /// Share of each label that is spread over the vocabulary.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub label_smoothing_factor: f64,
    /// Noise added to embeddings while training, such as 5; none when `null`.
    ///
    /// Jain et al., "`NEFTune`: Noisy Embeddings Improve Instruction Finetuning" (2023).
    #[schemars(range(min = 0.0))]
    pub neftune_noise_alpha: Option<f64>,
    /// When the evaluation loss is computed.
    ///
    /// `null` means every `eval_steps` steps, provided that there is evaluation data.
    #[schemars(extend("x-olive-renamed-from" = ["evaluation_strategy"]))]
    pub eval_strategy: Option<EvalStrategy>,
    /// Steps between two evaluations, or their share below 1; `logging_steps` when `null`.
    #[serde(deserialize_with = "numbers::optional_steps")]
    #[schemars(extend(
        "exclusiveMinimum" = 0,
        "not" = numbers::broken(),
        "errorMessage" = "write a whole number of steps, or a share of all steps below 1"
    ))]
    pub eval_steps: Option<f64>,
    /// Steps before the first evaluation; epochs when `eval_strategy` is `epoch`.
    #[schemars(range(min = 0.0))]
    pub eval_delay: f64,
    /// Compute the evaluation loss before the first step, too.
    pub eval_on_start: bool,
    /// Take the adapter of the best evaluation as the result, not that of the last step.
    pub load_best_model_at_end: bool,
    /// What tells the best evaluation: there is only the loss.
    #[schemars(extend(
        "errorMessage" = "write `eval_loss`: the evaluation loss is all that is measured"
    ))]
    pub metric_for_best_model: Option<BestMetric>,
    /// Whether a larger value of the metric is better; `null` is `false`, as of a loss.
    pub greater_is_better: Option<bool>,
    /// Evaluations in a row without a better loss after which training ends; `null`: never.
    #[schemars(range(min = 1))]
    pub early_stopping_patience: Option<usize>,
    /// Smallest difference of the loss that counts as better.
    #[schemars(range(min = 0.0))]
    pub early_stopping_threshold: f64,
    /// When checkpoints are written, from which a run that was ended goes on.
    ///
    /// They are written when a run is cancelled, too.
    pub save_strategy: SaveStrategy,
    /// Steps between two checkpoints, or their share below 1.
    #[serde(deserialize_with = "numbers::steps")]
    #[schemars(extend(
        "exclusiveMinimum" = 0,
        "not" = numbers::broken(),
        "errorMessage" = "write a whole number of steps, or a share of all steps below 1"
    ))]
    pub save_steps: f64,
    /// Checkpoints that are kept, the best one always; 1 when `null`.
    #[schemars(range(min = 1))]
    pub save_total_limit: Option<usize>,
    /// Checkpoint to go on from: a folder, or `true` for the newest of this step.
    ///
    /// `null` is `true`; `false` starts anew whatever there is.
    #[schemars(extend("x-olive-path" = "input"))]
    pub resume_from_checkpoint: Option<Resume>,
    /// When figures are logged.
    pub logging_strategy: LoggingStrategy,
    /// Steps between two log lines, or their share below 1.
    #[serde(deserialize_with = "numbers::steps")]
    #[schemars(extend(
        "exclusiveMinimum" = 0,
        "not" = numbers::broken(),
        "errorMessage" = "write a whole number of steps, or a share of all steps below 1"
    ))]
    pub logging_steps: f64,
    /// Log the first step, too.
    pub logging_first_step: bool,
    /// Where figures are reported to beside the run's own report.
    pub report_to: Option<ReportTo>,
}

impl Default for TrainingArgs {
    fn default() -> Self {
        Self {
            seed: 42,
            data_seed: None,
            per_device_train_batch_size: 8,
            per_device_eval_batch_size: 8,
            gradient_accumulation_steps: 1,
            dataloader_drop_last: false,
            train_sampling_strategy: SamplingStrategy::default(),
            group_by_length: false,
            gradient_checkpointing: true,
            num_train_epochs: None,
            max_steps: -1,
            optim: Optim::default(),
            optim_args: None,
            learning_rate: 2e-4,
            adam_beta1: 0.9,
            adam_beta2: 0.999,
            adam_epsilon: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            ddp_backend: None,
            ddp_timeout: 1800,
            lr_scheduler_type: LrSchedulerType::default(),
            lr_scheduler_kwargs: None,
            warmup_ratio: 0.03,
            warmup_steps: 0.0,
            label_smoothing_factor: 0.0,
            neftune_noise_alpha: None,
            eval_strategy: None,
            eval_steps: None,
            eval_delay: 0.0,
            eval_on_start: false,
            load_best_model_at_end: false,
            metric_for_best_model: None,
            greater_is_better: None,
            early_stopping_patience: None,
            early_stopping_threshold: 0.0,
            save_strategy: SaveStrategy::default(),
            save_steps: 500.0,
            save_total_limit: None,
            resume_from_checkpoint: None,
            logging_strategy: LoggingStrategy::default(),
            logging_steps: 500.0,
            logging_first_step: false,
            report_to: None,
        }
    }
}
