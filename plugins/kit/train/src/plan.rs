//! How many steps a training takes, as transformers counts them.

use std::ops::Range;

use crate::settings::{Duration, TrainingSettings};

/// The steps of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepPlan {
    /// Steps of the whole training.
    pub total_steps: usize,
    /// Steps of one time through the data; the last one of an epoch may be smaller.
    pub steps_per_epoch: usize,
    /// Sequences of a whole step.
    pub step_sequences: usize,
    num_sequences: usize,
}

impl StepPlan {
    /// The steps of a training on `num_sequences`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a product of positive counts; out of range saturates"
    )]
    pub fn new(num_sequences: usize, settings: &TrainingSettings) -> Self {
        let step_sequences = settings.train_batch_size * settings.gradient_accumulation_steps;
        let step_sequences = step_sequences.max(1);
        let steps_per_epoch = num_sequences.div_ceil(step_sequences);
        let total_steps = match settings.duration {
            _ if num_sequences == 0 => 0,
            Duration::Steps(steps) => steps,
            Duration::Epochs(epochs) => (epochs * steps_per_epoch as f64).ceil() as usize,
        };
        Self { total_steps, steps_per_epoch, step_sequences, num_sequences }
    }

    /// Which places of its epoch's order the step takes; steps count from 0.
    pub(crate) fn places(&self, step: usize) -> Range<usize> {
        let start = step % self.steps_per_epoch * self.step_sequences;
        start..(start + self.step_sequences).min(self.num_sequences)
    }

    /// Which epoch the step belongs to, both from 0.
    pub(crate) fn epoch(&self, step: usize) -> usize {
        step / self.steps_per_epoch
    }

    /// Whether the step is the first of its epoch; steps count from 0.
    pub(crate) fn starts_epoch(&self, step: usize) -> bool {
        step.is_multiple_of(self.steps_per_epoch)
    }
}
