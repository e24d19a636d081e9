//! Where a training stands: what is done, what is due, what was best.

use crate::checkpoint::{Identity, OwnState, TrainerState, folder_name};
use crate::history::LogEntry;
use crate::observer::{Evaluation, StepReport};
use crate::plan::StepPlan;
use crate::plateau::Plateau;
use crate::schedule::{Schedule, ScheduleKind};
use crate::settings::{Duration, Interval, Saving, TrainingSettings};

/// Where a training stands between two steps.
pub(crate) struct Progress {
    settings: TrainingSettings,
    plan: StepPlan,
    schedule: Schedule,
    state: TrainerState,
}

impl Progress {
    /// Before the first step.
    pub(crate) fn new(
        settings: &TrainingSettings,
        plan: StepPlan,
        identity: Option<Identity>,
    ) -> Self {
        let total_steps = plan.total_steps;
        let schedule = Schedule {
            kind: settings.schedule,
            learning_rate: settings.learning_rate,
            warmup_steps: settings.warmup.steps(total_steps),
            total_steps,
        };
        let plateau = matches!(settings.schedule, ScheduleKind::ReduceOnPlateau(_))
            .then(|| Plateau::new(settings.learning_rate));
        let saving = match settings.saving {
            Saving::Every(interval) => interval,
            Saving::Best => Interval::Never,
        };
        let mut state = TrainerState {
            eval_steps: settings.evaluation.steps(total_steps),
            logging_steps: settings.logging.steps(total_steps),
            save_steps: saving.steps(total_steps),
            max_steps: total_steps,
            num_train_epochs: epochs(settings, plan),
            train_batch_size: settings.train_batch_size,
            ..TrainerState::default()
        };
        *state.own_mut() = OwnState { identity, plateau, ..OwnState::default() };
        Self { settings: settings.clone(), plan, schedule, state }
    }

    /// Where the run stood that is resumed.
    pub(crate) fn resume(&mut self, state: TrainerState) {
        let fresh = std::mem::replace(&mut self.state, state);
        self.state.eval_steps = fresh.eval_steps;
        self.state.logging_steps = fresh.logging_steps;
        self.state.save_steps = fresh.save_steps;
        self.state.max_steps = fresh.max_steps;
        self.state.num_train_epochs = fresh.num_train_epochs;
        self.state.train_batch_size = fresh.train_batch_size;
        let OwnState { identity, plateau, .. } = fresh.stateful_callbacks.olive;
        let own = self.state.own_mut();
        own.identity = identity;
        own.plateau = plateau.map(|new| own.plateau.unwrap_or(new));
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.state.own().identity.as_ref()
    }

    /// Steps that are done.
    pub(crate) fn steps(&self) -> usize {
        self.state.global_step
    }

    /// Times through the data.
    pub(crate) fn epoch(&self) -> f64 {
        self.state.epoch
    }

    /// Rate of the next step.
    pub(crate) fn rate(&self) -> f64 {
        match &self.state.own().plateau {
            Some(plateau) => plateau.rate(),
            None => self.schedule.rate(self.steps()),
        }
    }

    /// Mean of the losses of all steps.
    pub(crate) fn mean_loss(&self) -> f64 {
        self.state.own().loss_sum / self.steps().max(1) as f64
    }

    /// The step and the loss of the best evaluation.
    pub(crate) fn best(&self) -> Option<(usize, f64)> {
        self.state.best_global_step.zip(self.state.best_metric)
    }

    pub(crate) fn best_saved_step(&self) -> Option<usize> {
        self.state.own().best_saved_step
    }

    /// Whether early stopping ended the training.
    pub(crate) fn has_stopped(&self) -> bool {
        self.state.own().has_stopped
    }

    /// Takes what a step did.
    pub(crate) fn stepped(&mut self, report: &StepReport) {
        self.state.global_step = report.step;
        self.state.epoch = report.epoch;
        self.state.num_input_tokens_seen += report.tokens as u64;
        let own = self.state.own_mut();
        own.loss_since_logged += report.loss;
        own.loss_sum += report.loss;
        own.grad_norm = report.grad_norm;
        own.learning_rate = report.learning_rate;
    }

    /// The entry of the history that is due after a step.
    pub(crate) fn log_if_due(&mut self) -> Option<LogEntry> {
        let step = self.steps();
        let is_first = step == 1 && self.settings.logging_first_step;
        if !is_first && !self.is_due(self.settings.logging) {
            return None;
        }
        let epoch = self.state.epoch;
        let own = self.state.own_mut();
        let entry = LogEntry::Train {
            epoch,
            grad_norm: own.grad_norm,
            learning_rate: own.learning_rate,
            loss: own.loss_since_logged / (step - own.last_logged_step).max(1) as f64,
            step,
        };
        own.last_logged_step = step;
        own.loss_since_logged = 0.0;
        self.state.log_history.push(entry);
        Some(entry)
    }

    pub(crate) fn evaluation_is_due(&self) -> bool {
        let done = match self.settings.evaluation {
            Interval::Epoch => self.state.epoch,
            _ => self.steps() as f64,
        };
        self.is_due(self.settings.evaluation) && self.settings.eval_delay <= done
    }

    pub(crate) fn evaluation_is_pending(&self) -> bool {
        self.state.own().evaluation_is_pending
    }

    /// Remembers that an evaluation is still to be done.
    pub(crate) fn evaluation_interrupted(&mut self) {
        self.state.own_mut().evaluation_is_pending = true;
    }

    /// Takes the loss of an evaluation, and whether it is the best so far. As in transformers, that
    /// before the first step decides nothing.
    pub(crate) fn evaluated(&mut self, loss: f64) -> bool {
        self.state.own_mut().evaluation_is_pending = false;
        if self.steps() == 0 {
            return false;
        }
        let best = self.state.best_metric;
        let is_better = |best: f64| {
            if self.settings.greater_is_better { loss > best } else { loss < best }
        };
        let is_best = best.map_or(!loss.is_nan(), is_better);
        self.watch_for_gain(loss, best, is_best);
        if let ScheduleKind::ReduceOnPlateau(settings) = &self.settings.schedule
            && let Some(plateau) = &mut self.state.own_mut().plateau
        {
            plateau.evaluated(loss, settings);
        }
        if is_best {
            self.state.best_metric = Some(loss);
            self.state.best_global_step = Some(self.state.global_step);
        }
        is_best
    }

    /// Counts evaluations that are no better, as transformers' `EarlyStoppingCallback`.
    fn watch_for_gain(&mut self, loss: f64, best: Option<f64>, is_best: bool) {
        let Some(stopping) = self.settings.early_stopping else { return };
        let gain = best.map_or(f64::INFINITY, |best| (loss - best).abs());
        let own = self.state.own_mut();
        if best.is_none() || (is_best && gain > stopping.threshold) {
            own.evaluations_without_gain = 0;
        } else {
            own.evaluations_without_gain += 1;
        }
        own.has_stopped = own.evaluations_without_gain >= stopping.patience;
    }

    /// The entry of the history for an evaluation.
    pub(crate) fn logged_evaluation(&mut self, eval_loss: f64) -> LogEntry {
        let entry = LogEntry::Eval { epoch: self.state.epoch, eval_loss, step: self.steps() };
        self.state.log_history.push(entry);
        entry
    }

    /// Whether a checkpoint is due after a step and the evaluation that came with it.
    pub(crate) fn saving_is_due(&self, evaluation: Option<&Evaluation>) -> bool {
        let is_best = evaluation.is_some_and(|evaluation| evaluation.is_best);
        if is_best && self.settings.load_best_at_end {
            return true;
        }
        match self.settings.saving {
            Saving::Best => is_best,
            Saving::Every(interval) => {
                let goes_by_steps = interval.steps(self.plan.total_steps).is_some();
                let is_last = self.steps() == self.plan.total_steps;
                self.is_due(interval) || (is_last && goes_by_steps)
            }
        }
    }

    /// The state as a checkpoint of the last step holds it.
    pub(crate) fn snapshot(&mut self) -> &TrainerState {
        let step = self.steps();
        if self.state.best_global_step == Some(step) {
            self.state.best_model_checkpoint = Some(folder_name(step));
            self.state.own_mut().best_saved_step = Some(step);
        }
        &self.state
    }

    fn is_due(&self, interval: Interval) -> bool {
        let step = self.steps();
        let ends_epoch = self.plan.starts_epoch(step) || step == self.plan.total_steps;
        interval.is_due(step, self.plan.total_steps, ends_epoch)
    }
}

/// Times through the data, parts counted whole.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive count, rounded up"
)]
fn epochs(settings: &TrainingSettings, plan: StepPlan) -> usize {
    match settings.duration {
        Duration::Epochs(epochs) => epochs.ceil() as usize,
        Duration::Steps(steps) => steps.div_ceil(plan.steps_per_epoch.max(1)),
    }
}
