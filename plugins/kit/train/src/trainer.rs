//! The loop: epochs, steps, what is due after each.

mod step;

use std::path::PathBuf;
use std::time::Instant;

use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_collective::{Alone, Collective};
use olive_kit_decoder::Engine;

use crate::checkpoint::{Identity, Resume, TrainerState, read_values};
use crate::error::TrainError;
use crate::evaluation::mean_loss;
use crate::history::LogEntry;
use crate::observer::{Evaluation, Observer, Start, StepReport};
use crate::optimizer::Optimizer;
use crate::order;
use crate::plan::StepPlan;
use crate::progress::Progress;
use crate::ranks::{agree, agreed};
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
    train_in(&mut Alone, engine, adapters, data, settings, outputs, observer)
}

/// Trains `adapters` in place, together with the other ranks of `group`, each of which calls this
/// with the same adapters, data and settings.
///
/// A step takes a micro-batch of each rank, so that two of them train as one with micro-batches
/// twice as large; its loss, its gradients and the losses of evaluations are sums over all. Rank 0
/// writes `outputs`; the others read checkpoints to go on from, and end with the values of the last
/// step where rank 0 ends with those of the best.
///
/// # Errors
/// As [`train`], and when a rank is gone, silent, or trains something else; rank 0 then keeps the
/// last whole step as a checkpoint.
pub fn train_in(
    group: &mut dyn Collective,
    engine: &mut dyn Engine,
    adapters: &mut Adapters,
    data: TrainingData<'_>,
    settings: &TrainingSettings,
    outputs: &Outputs<'_>,
    observer: &mut dyn Observer,
) -> Result<Trained, TrainError> {
    let ranks = group.ranks();
    let plan = StepPlan::of_ranks(data.train.len(), settings, ranks);
    check(adapters, data, settings, outputs, plan)?;
    if ranks > 1 {
        let model = outputs.checkpoints.map_or("", |checkpoints| checkpoints.model);
        agree(group, &Identity::new(model, settings, data, &adapters.parameters, ranks))?;
    }
    let optimizer = Optimizer::new(settings.optimizer, settings.weight_decay, &adapters.parameters);
    let gradients = Gradients::zeros(&adapters.parameters);
    let store = if group.rank() == 0 { Store::open(outputs)? } else { Store::reading(outputs) };
    let identity = store.identity(settings, data, &adapters.parameters, ranks);
    let progress = Progress::new(settings, plan, identity);
    let mut trainer = Trainer {
        group,
        engine,
        adapters,
        data,
        settings,
        plan,
        optimizer,
        gradients,
        progress,
        store,
    };
    trainer.resume(observer)?;
    trainer.run(observer).map_err(|error| trainer.kept(error))?;
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
        let (sequences, batch_size) = (data.train.len(), plan.batch_size);
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
    group: &'a mut dyn Collective,
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
        let resumed = if self.group.ranks() == 1 {
            self.read(self.store.wanted(), observer)?
        } else {
            self.resume_together(observer)?
        };
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

    /// What rank 0 goes on from, on all ranks.
    fn resume_together(
        &mut self,
        observer: &mut dyn Observer,
    ) -> Result<Option<(PathBuf, TrainerState)>, TrainError> {
        let is_first = self.group.rank() == 0;
        let wanted = if is_first { self.store.wanted() } else { Resume::No };
        let resumed = self.read(wanted, observer)?;
        let chosen = agreed(self.group, resumed.as_ref().map(|(path, _)| path.as_path()))?;
        match chosen {
            Some(path) if !is_first => self.read(Resume::From(&path), observer),
            _ => Ok(resumed),
        }
    }

    /// Sets adapters and optimizer to those of a checkpoint, if there is one to go on from.
    fn read(
        &mut self,
        wanted: Resume<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Option<(PathBuf, TrainerState)>, TrainError> {
        let identity = self.progress.identity();
        let (adapters, optimizer) = (&mut *self.adapters, &mut self.optimizer);
        let mut skipped = |error: &TrainError| observer.warned(&error.to_string());
        self.store.resume(wanted, identity, adapters, optimizer, &mut skipped)
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
                order::grouped(&lengths, self.plan.batch_size, seed, epoch)
            }
        }
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
        let (engine, eval) = (&mut *self.engine, self.data.eval);
        let loss = mean_loss(engine, self.adapters, eval, cut, self.group, &is_cancelled)?;
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
        match self.keep() {
            Ok(saved) => TrainError::Cancelled { saved },
            Err(error) => error,
        }
    }

    /// Keeps what is done so far when another rank is lost, and says where.
    fn kept(&mut self, error: TrainError) -> TrainError {
        match error {
            TrainError::Collective { lost, .. } => match self.keep() {
                Ok(saved) => TrainError::Collective { lost, saved },
                Err(error) => error,
            },
            error => error,
        }
    }

    /// The checkpoint of the last whole step.
    fn keep(&mut self) -> Result<Option<PathBuf>, TrainError> {
        let steps = self.progress.steps();
        match self.store.has(steps) {
            _ if steps == 0 => Ok(None),
            Some(path) => Ok(Some(path)),
            None => self.store.save(self.adapters, &self.optimizer, self.progress.snapshot()),
        }
    }

    fn finish(self) -> Result<Trained, TrainError> {
        let best = self.progress.best();
        let mut is_loaded = false;
        let takes_best = self.settings.load_best_at_end && self.group.rank() == 0;
        if let (true, Some(step)) = (takes_best, self.progress.best_saved_step())
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
