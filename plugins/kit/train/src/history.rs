//! The history of a training, in the words of transformers' `log_history`.

use serde::{Deserialize, Serialize};

/// One entry of the history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LogEntry {
    /// Figures of steps.
    Train {
        /// Times through the data.
        epoch: f64,
        /// Norm of the gradients of the last step, before clipping.
        grad_norm: f64,
        /// Rate of the last step.
        learning_rate: f64,
        /// Mean of the losses of the steps since the last entry.
        loss: f64,
        /// Number of the last step, from 1.
        step: usize,
    },
    /// Figures of an evaluation.
    Eval {
        /// Times through the data.
        epoch: f64,
        /// Mean loss over all labels of the evaluation data.
        eval_loss: f64,
        /// Steps done before it.
        step: usize,
    },
}
