//! What a training tells while it runs.

use std::path::{Path, PathBuf};

use crate::history::LogEntry;

/// Hears of a training and may end it.
pub trait Observer {
    /// Takes what lies ahead, once, before the first step.
    fn start(&mut self, _start: &Start) {}

    /// Takes what a step did.
    fn step(&mut self, report: &StepReport);

    /// Takes an evaluation, before the report of its step.
    fn evaluated(&mut self, _evaluation: &Evaluation) {}

    /// Takes what enters the history: means since the last time, or an evaluation.
    fn logged(&mut self, _entry: &LogEntry) {}

    /// Takes the folder of a checkpoint that was written.
    fn saved(&mut self, _checkpoint: &Path) {}

    /// Takes a sentence about something that is not as it should be and does not end the training.
    fn warned(&mut self, _message: &str) {}

    /// Whether the training should stop; asked before every micro-batch.
    fn is_cancelled(&self) -> bool;
}

/// What lies ahead of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Steps of the whole training.
    pub total_steps: usize,
    /// Steps of one time through the data.
    pub steps_per_epoch: usize,
    /// Steps that are done already, by the run this one resumes.
    pub steps_done: usize,
    /// The checkpoint that it goes on from.
    pub resumed_from: Option<PathBuf>,
    /// Values that are trained.
    pub num_values: usize,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Number of the step, from 1.
    pub step: usize,
    /// Times through the data after it.
    pub epoch: f64,
    /// Mean loss over all labels of the step, before its update.
    pub loss: f64,
    /// Rate of its update.
    pub learning_rate: f64,
    /// Global L2 norm of the gradients before clipping.
    pub grad_norm: f64,
    /// Tokens that were computed on.
    pub tokens: usize,
    /// Seconds of the step, evaluation and saving left out.
    pub seconds: f64,
    /// Mean loss over all labels of the evaluation data after the update, when it was due.
    pub eval_loss: Option<f64>,
    /// The best evaluation loss so far.
    pub best_eval_loss: Option<f64>,
}

/// An evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Steps done before it; 0 before the first one.
    pub step: usize,
    /// Times through the data before it.
    pub epoch: f64,
    /// Mean loss over all labels of the evaluation data.
    pub loss: f64,
    /// Whether it is the best so far.
    pub is_best: bool,
    /// Seconds it took.
    pub seconds: f64,
}

impl StepReport {
    /// Tokens trained on per second, evaluation left out.
    pub fn tokens_per_second(&self) -> f64 {
        self.tokens as f64 / self.seconds.max(1e-9)
    }
}
