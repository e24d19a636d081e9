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
    /// Sequences of an epoch.
    num_sequences: usize,
    /// Sequences that are computed on at a time, by all processes.
    pub(crate) batch_size: usize,
}

impl StepPlan {
    /// The steps of a training on `num_sequences` by one process.
    pub fn new(num_sequences: usize, settings: &TrainingSettings) -> Self {
        Self::of_ranks(num_sequences, settings, 1)
    }

    /// The steps of a training by so many processes, each of which takes a micro-batch of its own:
    /// those of one process whose micro-batches are as large as all of them together.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a product of positive counts; out of range saturates"
    )]
    pub fn of_ranks(num_sequences: usize, settings: &TrainingSettings, ranks: usize) -> Self {
        let batch_size = settings.train_batch_size.max(1) * ranks;
        let left_over = if settings.drop_last { num_sequences % batch_size } else { 0 };
        let num_sequences = num_sequences - left_over;
        let step_sequences = batch_size * settings.gradient_accumulation_steps.max(1);
        let steps_per_epoch = num_sequences.div_ceil(step_sequences);
        let total_steps = match settings.duration {
            _ if num_sequences == 0 => 0,
            Duration::Steps(steps) => steps,
            Duration::Epochs(epochs) => (epochs * steps_per_epoch as f64).ceil() as usize,
        };
        Self { total_steps, steps_per_epoch, step_sequences, num_sequences, batch_size }
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

    /// Times through the data after so many steps, counted by micro-batches.
    pub fn epochs_done(&self, steps: usize) -> f64 {
        if self.steps_per_epoch == 0 {
            return 0.0;
        }
        if self.starts_epoch(steps) {
            return self.epoch(steps) as f64;
        }
        let done = self.places(steps).start / self.batch_size;
        self.epoch(steps) as f64 + done as f64 / self.num_sequences.div_ceil(self.batch_size) as f64
    }
}
