//! What a training may be told.

use crate::adamw::AdamWSettings;
use crate::schedule::ScheduleKind;

/// Settings of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSettings {
    /// Seed of dropout.
    pub seed: u64,
    /// Seed of the order of the data.
    pub data_seed: u64,
    /// Sequences of a micro-batch.
    pub train_batch_size: usize,
    /// Sequences computed at once while evaluating.
    pub eval_batch_size: usize,
    /// Micro-batches of a step.
    pub gradient_accumulation_steps: usize,
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
    pub adamw: AdamWSettings,
    /// Largest global norm of the gradients; longer ones are scaled down. 0 never scales.
    pub max_grad_norm: f64,
    /// Put sequences of about one length into one batch.
    pub group_by_length: bool,
    /// When the evaluation loss is computed.
    pub evaluation: Evaluation,
    /// Token that fills short sequences of a batch; any, as it is neither attended nor predicted.
    pub pad_token_id: u32,
}

/// When a training ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Duration {
    /// After this many times through the data; the last may be a part.
    Epochs(f64),
    /// After this many steps, however often that goes through the data.
    Steps(usize),
}

/// Length of the rise at the start of a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Warmup {
    /// This many steps.
    Steps(usize),
    /// This share of all steps, rounded up.
    Ratio(f64),
}

/// When the evaluation loss is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluation {
    /// Never.
    Never,
    /// After every so many steps.
    Steps(usize),
    /// After every epoch.
    Epoch,
}

impl Warmup {
    /// Number of steps out of `total`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count of steps"
    )]
    pub fn steps(self, total: usize) -> usize {
        match self {
            Self::Steps(steps) => steps,
            Self::Ratio(ratio) => (ratio * total as f64).ceil() as usize,
        }
    }
}
