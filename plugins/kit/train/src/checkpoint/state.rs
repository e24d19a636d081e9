//! `trainer_state.json`: what transformers' `TrainerState` holds, and what we add.

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use crate::history::LogEntry;
use crate::plateau::Plateau;

/// State of a training between two steps, as transformers' `TrainerState` reads it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainerState {
    pub(crate) best_global_step: Option<usize>,
    pub(crate) best_metric: Option<f64>,
    /// Name of the folder beside this one, not a path.
    pub(crate) best_model_checkpoint: Option<String>,
    pub(crate) epoch: f64,
    pub(crate) eval_steps: Option<usize>,
    pub(crate) global_step: usize,
    pub(crate) log_history: Vec<LogEntry>,
    pub(crate) logging_steps: Option<usize>,
    pub(crate) max_steps: usize,
    pub(crate) num_input_tokens_seen: u64,
    pub(crate) num_train_epochs: usize,
    pub(crate) save_steps: Option<usize>,
    pub(crate) stateful_callbacks: Callbacks,
    pub(crate) train_batch_size: usize,
}

/// State of transformers' callbacks, of which we are one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Callbacks {
    #[serde(rename = "Olive")]
    pub(crate) olive: OwnState,
}

/// What only this trainer needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OwnState {
    /// What must be the same to go on; nothing where nothing is written.
    pub(crate) identity: Option<Identity>,
    /// The step whose checkpoint has the best values.
    pub(crate) best_saved_step: Option<usize>,
    /// Evaluations in a row that were no better.
    pub(crate) evaluations_without_gain: usize,
    /// Whether early stopping has ended the training.
    pub(crate) has_stopped: bool,
    /// Whether the evaluation after the last step was due and interrupted.
    pub(crate) evaluation_is_pending: bool,
    /// The step the history last told of.
    pub(crate) last_logged_step: usize,
    /// Sum of the losses of the steps since then.
    pub(crate) loss_since_logged: f64,
    /// Sum of the losses of all steps.
    pub(crate) loss_sum: f64,
    /// Norm of the last step's gradients.
    pub(crate) grad_norm: f64,
    /// Rate of the last step.
    pub(crate) learning_rate: f64,
    /// Where a rate stands that follows the evaluation loss.
    pub(crate) plateau: Option<Plateau>,
}

impl TrainerState {
    pub(crate) fn own(&self) -> &OwnState {
        &self.stateful_callbacks.olive
    }

    pub(crate) fn own_mut(&mut self) -> &mut OwnState {
        &mut self.stateful_callbacks.olive
    }
}
