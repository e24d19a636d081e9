//! The loop: epochs, steps, micro-batches.

use std::time::Instant;

use olive_kit_adapters::random::mix;
use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_decoder::{Engine, Objective};

use crate::batches::{Cut, MicroBatch, batches};
use crate::checkpoint::read_values;
use crate::error::TrainError;
use crate::evaluation::mean_loss;
use crate::history::LogEntry;
use crate::observer::{Evaluation, Observer, Start, StepReport};
use crate::optimizer::Optimizer;
use crate::optimizer::clip::clip;
use crate::order;
use crate::plan::StepPlan;
use crate::progress::Progress;
use crate::sequence::TrainingData;
use crate::settings::{Order, TrainingSettings};
use crate::store::{Outputs, Store};

/// How a training ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Steps that were done, with those of the run it resumed.
    pub steps: usize,
    /// Times through the data.
    pub epochs: f64,
    /// Mean of the losses of all steps.
    pub loss: f64,
    /// The best evaluation, if there was any.
    pub best: Option<Best>,
    /// Whether early stopping ended it.
    pub stopped_early: bool,
}

/// The best evaluation of a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// The step it came after.
    pub step: usize,
    /// Mean loss over all labels of the evaluation data.
    pub loss: f64,
    /// Whether the training ended with the values of that step.
    pub is_loaded: bool,
}

/// Trains `adapters` in place.
///
/// The loss of a step is the sum over its micro-batches divided by the number of labels in all of
/// them, so that it does not depend on how a step is cut. Small micro-batches are therefore
/// computed together as long as they hold few tokens. Memory: what the engine needs for one
/// micro-batch, or for 512 tokens if those are more; the gradients, once the parameters; and what
/// the optimizer remembers, twice the parameters for `AdamW`.
///
/// # Errors
/// When settings do not go together, there is nothing to train or to train on, a number leaves the
/// range of f32, something cannot be written, or the observer cancels; the adapters are then those
/// of the last whole step.
pub fn train(
    engine: &mut dyn Engine,
    adapters: &mut Adapters,
    data: TrainingData<'_>,
    settings: &TrainingSettings,
    outputs: &Outputs<'_>,
    observer: &mut dyn Observer,
) -> Result<Trained, TrainError> {
    let plan = StepPlan::new(data.train.len(), settings);
    check(adapters, data, settings, outputs, plan)?;
    let optimizer = Optimizer::new(settings.optimizer, settings.weight_decay, &adapters.parameters);
    let gradients = Gradients::zeros(&adapters.parameters);
    let store = Store::open(outputs)?;
    let identity = store.identity(settings, data, &adapters.parameters);
    let progress = Progress::new(settings, plan, identity);
    let mut trainer =
        Trainer { engine, adapters, data, settings, plan, optimizer, gradients, progress, store };
    trainer.resume(observer)?;
    trainer.run(observer)?;
    trainer.finish()
}

fn check(
    adapters: &Adapters,
    data: TrainingData<'_>,
    settings: &TrainingSettings,
    outputs: &Outputs<'_>,
    plan: StepPlan,
) -> Result<(), TrainError> {
    if data.train.is_empty() {
        return Err(TrainError::NoSequences);
    }
    if plan.steps_per_epoch == 0 {
        let (sequences, batch_size) = (data.train.len(), settings.train_batch_size);
        return Err(TrainError::NoWholeBatch { sequences, batch_size });
    }
    if adapters.is_empty() {
        return Err(TrainError::NoParameters);
    }
    match settings.problem(!data.eval.is_empty(), outputs.checkpoints.is_some()) {
        Some(problem) => Err(TrainError::Settings(problem)),
        None => Ok(()),
    }
}

struct Trainer<'a> {
    engine: &'a mut dyn Engine,
    adapters: &'a mut Adapters,
    data: TrainingData<'a>,
    settings: &'a TrainingSettings,
    plan: StepPlan,
    optimizer: Optimizer,
    gradients: Gradients,
    progress: Progress,
    store: Store<'a>,
}

impl Trainer<'_> {
    /// Goes on from a checkpoint when asked to.
    fn resume(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let identity = self.progress.identity();
        let (adapters, optimizer) = (&mut *self.adapters, &mut self.optimizer);
        let mut skipped = |error: &TrainError| observer.warned(&error.to_string());
        let resumed = self.store.resume(identity, adapters, optimizer, &mut skipped)?;
        let resumed_from = resumed.map(|(path, state)| {
            self.progress.resume(state);
            path
        });
        observer.start(&Start {
            total_steps: self.plan.total_steps,
            steps_per_epoch: self.plan.steps_per_epoch,
            steps_done: self.progress.steps(),
            resumed_from,
            num_values: self.adapters.num_values(),
        });
        Ok(())
    }

    fn run(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let is_new = self.progress.steps() == 0;
        if is_new && self.settings.eval_on_start && !self.data.eval.is_empty() {
            self.evaluate(observer)?;
        }
        if self.progress.evaluation_is_pending() {
            self.evaluate_and_save(observer)?;
        }
        let mut order = Vec::new();
        while self.progress.steps() < self.plan.total_steps && !self.progress.has_stopped() {
            let step = self.progress.steps();
            if order.is_empty() || self.plan.starts_epoch(step) {
                order = self.order(self.plan.epoch(step) as u64);
            }
            let report = self.step(step + 1, &order[self.plan.places(step)], observer)?;
            self.after_step(report, observer)?;
        }
        Ok(())
    }

    /// The order of the data in an epoch.
    fn order(&self, epoch: u64) -> Vec<usize> {
        let (seed, train) = (self.settings.data_seed, self.data.train);
        match self.settings.order {
            Order::Random => order::shuffled(train.len(), seed, epoch),
            Order::Sequential => (0..train.len()).collect(),
            Order::ByLength => {
                let lengths: Vec<_> = train.iter().map(|one| one.used().len()).collect();
                order::grouped(&lengths, self.settings.train_batch_size.max(1), seed, epoch)
            }
        }
    }

    /// One update from the sequences at `blocks`.
    fn step(
        &mut self,
        step: usize,
        blocks: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<StepReport, TrainError> {
        let started = Instant::now();
        let batches = batches(self.data.train, blocks, self.cut(self.settings.train_batch_size));
        let count = batches.iter().map(|part| part.batch.num_labels()).sum();
        if count == 0 {
            return Err(TrainError::NoLabels { step, blocks: blocks.to_vec() });
        }
        let mut loss = 0.0;
        self.gradients.clear();
        for (number, part) in (0..).zip(&batches) {
            if observer.is_cancelled() {
                return Err(self.cancelled());
            }
            let objective = self.objective(step, number, count);
            let (adapters, gradients) = (&*self.adapters, &mut self.gradients);
            let part_loss =
                self.engine.loss_and_gradients(&part.batch, adapters, &objective, gradients)?;
            self.check_finite("loss", part_loss, step, std::slice::from_ref(part))?;
            loss += part_loss;
        }
        let grad_norm = clip(&mut self.gradients, self.settings.max_grad_norm);
        self.check_finite("norm of the gradients", grad_norm, step, &batches)?;
        let learning_rate = self.progress.rate();
        self.optimizer.step(&mut self.adapters.parameters, &self.gradients, learning_rate);
        Ok(StepReport {
            step,
            epoch: self.plan.epochs_done(step),
            loss,
            learning_rate,
            grad_norm,
            tokens: batches.iter().map(MicroBatch::num_tokens).sum(),
            seconds: started.elapsed().as_secs_f64(),
            eval_loss: None,
            best_eval_loss: None,
        })
    }

    fn cut(&self, batch_size: usize) -> Cut {
        Cut {
            batch_size,
            // Checkpointing of activations asks for little memory.
            joins: !self.settings.gradient_checkpointing,
            // Noise on embeddings is the smaller the longer a row.
            pads: self.settings.neftune_alpha > 0.0,
            pad_token_id: self.settings.pad_token_id,
        }
    }

    /// How the loss of a micro-batch is taken. Its seed follows from the settings, the step and its
    /// number alone, so that a training that is resumed drops the same.
    fn objective(&self, step: usize, number: u64, count: usize) -> Objective {
        Objective {
            count,
            label_smoothing: self.settings.label_smoothing,
            neftune_alpha: self.settings.neftune_alpha,
            seed: mix(mix(mix(self.settings.seed) ^ step as u64) ^ number),
            checkpoints_activations: self.settings.gradient_checkpointing,
        }
    }

    fn check_finite(
        &mut self,
        what: &'static str,
        value: f64,
        step: usize,
        batches: &[MicroBatch],
    ) -> Result<(), TrainError> {
        if value.is_finite() {
            return Ok(());
        }
        let blocks = batches.iter().flat_map(|part| &part.blocks).copied().collect();
        let saved = self.store.failed(step, batches);
        // The numbers that led there are worth more than a second error.
        let _written = self.store.save(self.adapters, &self.optimizer, self.progress.snapshot());
        Err(TrainError::NotFinite { what, value, step, blocks, saved })
    }

    /// Logs, evaluates, saves and reports, as far as it is due.
    fn after_step(
        &mut self,
        report: StepReport,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        self.progress.stepped(&report);
        if let Some(entry) = self.progress.log_if_due() {
            self.log(&entry, observer)?;
        }
        let evaluation = self.evaluate_and_save(observer)?;
        observer.step(&StepReport {
            eval_loss: evaluation.map(|evaluation| evaluation.loss),
            best_eval_loss: self.progress.best().map(|(_, loss)| loss),
            ..report
        });
        Ok(())
    }

    fn evaluate_and_save(
        &mut self,
        observer: &mut dyn Observer,
    ) -> Result<Option<Evaluation>, TrainError> {
        let is_due = self.progress.evaluation_is_due() && !self.data.eval.is_empty();
        let evaluation = if is_due { Some(self.evaluate(observer)?) } else { None };
        if self.progress.saving_is_due(evaluation.as_ref()) {
            self.save(observer)?;
        }
        Ok(evaluation)
    }

    fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<Evaluation, TrainError> {
        let started = Instant::now();
        let cut = self.cut(self.settings.eval_batch_size);
        let is_cancelled = || observer.is_cancelled();
        let loss = mean_loss(self.engine, self.adapters, self.data.eval, cut, &is_cancelled)?;
        let Some(loss) = loss else {
            self.progress.evaluation_interrupted();
            return Err(self.cancelled());
        };
        if loss.is_nan() && self.data.eval.iter().all(|one| one.num_labels() == 0) {
            return Err(TrainError::NoEvaluationLabels);
        }
        let is_best = self.progress.evaluated(loss);
        let (step, epoch) = (self.progress.steps(), self.progress.epoch());
        let seconds = started.elapsed().as_secs_f64();
        let evaluation = Evaluation { step, epoch, loss, is_best, seconds };
        observer.evaluated(&evaluation);
        let entry = self.progress.logged_evaluation(loss);
        self.log(&entry, observer)?;
        Ok(evaluation)
    }

    fn log(&mut self, entry: &LogEntry, observer: &mut dyn Observer) -> Result<(), TrainError> {
        observer.logged(entry);
        self.store.log(entry)
    }

    fn save(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let state = self.progress.snapshot();
        if let Some(path) = self.store.save(self.adapters, &self.optimizer, state)? {
            self.store.keep(self.settings.save_total_limit, self.progress.best_saved_step());
            observer.saved(&path);
        }
        Ok(())
    }

    /// Keeps what is done so far, and says where.
    fn cancelled(&mut self) -> TrainError {
        let steps = self.progress.steps();
        let saved = match self.store.has(steps) {
            _ if steps == 0 => Ok(None),
            Some(path) => Ok(Some(path)),
            None => self.store.save(self.adapters, &self.optimizer, self.progress.snapshot()),
        };
        match saved {
            Ok(saved) => TrainError::Cancelled { saved },
            Err(error) => error,
        }
    }

    fn finish(self) -> Result<Trained, TrainError> {
        let best = self.progress.best();
        let mut is_loaded = false;
        if let (true, Some(step)) =
            (self.settings.load_best_at_end, self.progress.best_saved_step())
            && let Some(path) = self.store.has(step)
        {
            let values = read_values(&path, &self.adapters.parameters)?;
            for (parameter, values) in self.adapters.parameters.iter_mut().zip(values) {
                parameter.values = values;
            }
            is_loaded = true;
        }
        Ok(Trained {
            steps: self.progress.steps(),
            epochs: self.progress.epoch(),
            loss: self.progress.mean_loss(),
            best: best.map(|(step, loss)| Best { step, loss, is_loaded }),
            stopped_early: self.progress.has_stopped(),
        })
    }
}
