//! What a training may be told, by the ideas of transformers' `TrainingArguments`.

use serde::{Deserialize, Serialize};

use crate::optimizer::OptimizerSettings;
use crate::schedule::ScheduleKind;

/// Settings of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an argument of its own")]
pub struct TrainingSettings {
    /// Seed of dropout and of noise on embeddings.
    pub seed: u64,
    /// Seed of the order of the data.
    pub data_seed: u64,
    /// Sequences of a micro-batch.
    pub train_batch_size: usize,
    /// Sequences computed at once while evaluating.
    pub eval_batch_size: usize,
    /// Micro-batches of a step.
    pub gradient_accumulation_steps: usize,
    /// Leave out the last micro-batch of an epoch when it is not whole.
    pub drop_last: bool,
    /// Keep one layer's activations in memory, and compute the others again.
    pub gradient_checkpointing: bool,
    /// When the training ends.
    pub duration: Duration,
    /// Largest rate of the schedule.
    pub learning_rate: f64,
    /// Course of the rate.
    pub schedule: ScheduleKind,
    /// Length of the rise at the start of the schedule.
    pub warmup: Warmup,
    /// The optimizer.
    pub optimizer: OptimizerSettings,
    /// Share of a value that is taken off per step and unit of rate, or added to its gradient,
    /// whichever the optimizer does; biases and norms are left out.
    pub weight_decay: f64,
    /// Largest global norm of the gradients; longer ones are scaled down. 0 never scales.
    pub max_grad_norm: f64,
    /// Share of each label that is spread over the vocabulary.
    pub label_smoothing: f64,
    /// Noise on embeddings while training; 0 is none.
    pub neftune_alpha: f64,
    /// In which order an epoch goes through the data.
    pub order: Order,
    /// When the evaluation loss is computed.
    pub evaluation: Interval,
    /// Steps, or epochs when evaluation goes by epochs, before the first evaluation.
    pub eval_delay: f64,
    /// Compute the evaluation loss before the first step, too.
    pub eval_on_start: bool,
    /// When figures enter the history: means since the last time.
    pub logging: Interval,
    /// Let figures of the first step enter the history.
    pub logging_first_step: bool,
    /// When checkpoints are written, provided that there is a folder for them.
    pub saving: Saving,
    /// Checkpoints that are kept, the best one always; all when `None`.
    pub save_total_limit: Option<usize>,
    /// End with the values of the best checkpoint instead of the last step's.
    pub load_best_at_end: bool,
    /// Whether a larger evaluation loss is a better one.
    pub greater_is_better: bool,
    /// End the training when the evaluation loss gets no better.
    pub early_stopping: Option<EarlyStopping>,
    /// Token that fills short sequences of a batch; any, as it is neither attended nor predicted.
    pub pad_token_id: u32,
}

/// In which order an epoch goes through the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// A random one, another in every epoch.
    Random,
    /// That of the data.
    Sequential,
    /// A random one that puts sequences of about one length into one batch.
    ByLength,
}

/// When a training ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duration {
    /// After this many times through the data; the last may be a part.
    Epochs(f64),
    /// After this many steps, however often that goes through the data.
    Steps(usize),
}

/// Length of the rise at the start of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warmup {
    /// This many steps.
    Steps(usize),
    /// This share of all steps, rounded up.
    Ratio(f64),
}

/// When something is done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// Never.
    Never,
    /// After every so many steps.
    Steps(usize),
    /// After this share of all steps, rounded up, and its multiples.
    Share(f64),
    /// After every epoch.
    Epoch,
}

/// When checkpoints are written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Saving {
    /// At this interval; when it counts steps, after the last step, too.
    Every(Interval),
    /// After every evaluation that is the best so far.
    Best,
}

/// When to end a training that gets no better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// Evaluations in a row that may be no better.
    pub patience: usize,
    /// Smallest difference that counts as better.
    pub threshold: f64,
}

impl TrainingSettings {
    /// Settings that do not go together, in a sentence.
    ///
    /// `has_evaluation` says whether there is data for it, `has_folder` whether there is one for
    /// checkpoints.
    pub fn problem(&self, has_evaluation: bool, has_folder: bool) -> Option<String> {
        let evaluates = has_evaluation && self.evaluation != Interval::Never;
        let needing_evaluation = [
            ("ending with the best checkpoint", self.load_best_at_end),
            ("saving the best checkpoints", self.saving == Saving::Best),
            ("early stopping", self.early_stopping.is_some()),
            (
                "a rate that falls on a plateau",
                matches!(self.schedule, ScheduleKind::ReduceOnPlateau(_)),
            ),
        ];
        let needing = needing_evaluation.iter().find(|(_, is_wanted)| *is_wanted && !evaluates);
        if let Some((what, _)) = needing {
            return Some(format!("{what} needs evaluation data and an interval of evaluation"));
        }
        if self.load_best_at_end && !has_folder {
            return Some("ending with the best checkpoint needs a folder for checkpoints".into());
        }
        self.schedule.problem(self.learning_rate).or_else(|| self.optimizer.problem())
    }
}

impl Warmup {
    /// Number of steps out of `total`.
    pub fn steps(self, total: usize) -> usize {
        match self {
            Self::Steps(steps) => steps,
            Self::Ratio(ratio) => share(ratio, total),
        }
    }
}

impl Interval {
    /// Number of steps between two times in a training of `total`; `None` when it does not go by
    /// steps.
    pub fn steps(self, total: usize) -> Option<usize> {
        match self {
            Self::Never | Self::Epoch => None,
            Self::Steps(steps) => Some(steps.max(1)),
            Self::Share(ratio) => Some(share(ratio, total).max(1)),
        }
    }

    /// Whether it is due after a step, from 1, that does or does not end its epoch.
    pub(crate) fn is_due(self, step: usize, total: usize, ends_epoch: bool) -> bool {
        match self.steps(total) {
            Some(every) => step.is_multiple_of(every),
            None => self == Self::Epoch && ends_epoch,
        }
    }
}

/// A share of a count, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count of steps"
)]
fn share(ratio: f64, total: usize) -> usize {
    (ratio * total as f64).ceil() as usize
}
