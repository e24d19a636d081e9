//! The loop: epochs, steps, micro-batches.

use std::time::Instant;

use candle_core::backprop::GradStore;
use olive_kit_decoder::{Batch, Dropout, Transformer};

use crate::adamw::AdamW;
use crate::clip::clip;
use crate::error::TrainError;
use crate::evaluation::mean_loss;
use crate::order;
use crate::parameters::LoraParameters;
use crate::plan::StepPlan;
use crate::schedule::Schedule;
use crate::sequence::{Sequence, collate};
use crate::settings::{Evaluation, TrainingSettings};

/// Tokens that are computed at once when micro-batches are smaller.
///
/// A product with few rows waits for the weights; this many keep the processor busy.
const TOKENS_AT_ONCE: usize = 512;

/// What a training runs on.
#[derive(Debug, Clone, Copy)]
pub struct TrainingData<'a> {
    /// Sequences that are trained on.
    pub train: &'a [Sequence],
    /// Sequences the evaluation loss is computed on; none, no evaluation.
    pub eval: &'a [Sequence],
}

/// Hears of a training and may end it.
pub trait Observer {
    /// Takes what a step did.
    fn step(&mut self, report: &StepReport);

    /// Whether the training should stop; asked before every micro-batch.
    fn is_cancelled(&self) -> bool;
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Number of the step, from 1.
    pub step: usize,
    /// Steps of the whole training.
    pub total_steps: usize,
    /// Mean loss over all labels of the step, before its update.
    pub loss: f64,
    /// Rate of its update.
    pub learning_rate: f64,
    /// Global L2 norm of the gradients before clipping.
    pub grad_norm: f64,
    /// Tokens trained on per second, evaluation left out.
    pub tokens_per_second: f64,
    /// Mean loss over all labels of the evaluation data after the update, when it was due.
    pub eval_loss: Option<f64>,
}

/// Trains `parameters` in place.
///
/// The loss of a step is the sum over its micro-batches divided by the number of labels in all of
/// them, so that it does not depend on how a step is cut. Micro-batches of sequences of one length
/// are therefore computed together as long as they hold few tokens. Memory: the activations of one
/// micro-batch, or of 512 tokens if those are more, and four times the parameters.
///
/// # Errors
/// When there is nothing to train or to train on, a number leaves the range of f32, or the
/// observer cancels; the parameters are then those of the last whole step.
pub fn train(
    transformer: &Transformer,
    parameters: &LoraParameters,
    data: TrainingData<'_>,
    settings: &TrainingSettings,
    observer: &mut dyn Observer,
) -> Result<(), TrainError> {
    if data.train.is_empty() {
        return Err(TrainError::NoSequences);
    }
    if parameters.adapters().is_empty() {
        return Err(TrainError::NoParameters);
    }
    let plan = StepPlan::new(data.train.len(), settings);
    let mut trainer = Trainer {
        transformer,
        parameters,
        data,
        settings,
        optimizer: AdamW::new(settings.adamw),
        dropout: Dropout::new(settings.seed),
    };
    let schedule = Schedule {
        kind: settings.schedule,
        learning_rate: settings.learning_rate,
        warmup_steps: settings.warmup.steps(plan.total_steps),
        total_steps: plan.total_steps,
    };
    let mut order = Vec::new();
    for step in 0..plan.total_steps {
        if plan.starts_epoch(step) {
            order = trainer.order(plan.epoch(step) as u64);
        }
        let rate = schedule.rate(step);
        let report = trainer.step(step + 1, &order[plan.places(step)], rate, observer)?;
        let eval_loss = trainer.evaluate(step + 1, plan, observer)?;
        observer.step(&StepReport { total_steps: plan.total_steps, eval_loss, ..report });
    }
    Ok(())
}

struct Trainer<'a> {
    transformer: &'a Transformer,
    parameters: &'a LoraParameters,
    data: TrainingData<'a>,
    settings: &'a TrainingSettings,
    optimizer: AdamW,
    dropout: Dropout,
}

impl Trainer<'_> {
    /// The order of the data in an epoch.
    fn order(&self, epoch: u64) -> Vec<usize> {
        let seed = self.settings.data_seed;
        if !self.settings.group_by_length {
            return order::shuffled(self.data.train.len(), seed, epoch);
        }
        let lengths: Vec<_> = self.data.train.iter().map(Sequence::len).collect();
        order::grouped(&lengths, self.settings.train_batch_size.max(1), seed, epoch)
    }

    /// One update from the sequences at `blocks`.
    fn step(
        &mut self,
        step: usize,
        blocks: &[usize],
        rate: f64,
        observer: &dyn Observer,
    ) -> Result<StepReport, TrainError> {
        let started = Instant::now();
        let batches: Vec<_> = blocks
            .chunks(self.sequences_at_once(blocks))
            .map(|blocks| (blocks, collate(self.data.train, blocks, self.settings.pad_token_id)))
            .collect();
        let num_labels = batches.iter().map(|(_, batch)| batch.num_labels()).sum();
        if num_labels == 0 {
            return Err(TrainError::NoLabels { step, blocks: blocks.to_vec() });
        }
        let (mut loss, mut gradients) = (0.0, self.parameters.zeros());
        for (blocks, batch) in &batches {
            if observer.is_cancelled() {
                return Err(TrainError::Cancelled);
            }
            let (part, store) = self.gradients(batch, num_labels)?;
            check_finite("loss", part, step, blocks)?;
            loss += part;
            self.parameters.accumulate(&store, &mut gradients)?;
        }
        let grad_norm = clip(&mut gradients, self.settings.max_grad_norm);
        check_finite("norm of the gradients", grad_norm, step, blocks)?;
        self.optimizer.step(self.parameters.variables(), &gradients, rate)?;
        let num_tokens: usize = blocks.iter().map(|&block| self.data.train[block].len()).sum();
        Ok(StepReport {
            step,
            total_steps: step,
            loss,
            learning_rate: rate,
            grad_norm,
            tokens_per_second: num_tokens as f64 / started.elapsed().as_secs_f64(),
            eval_loss: None,
        })
    }

    /// How many of the sequences at `blocks` are computed at once: whole micro-batches.
    fn sequences_at_once(&self, blocks: &[usize]) -> usize {
        let micro_batch = self.settings.train_batch_size.max(1);
        let mut lengths = blocks.iter().map(|&block| self.data.train[block].len());
        let first = lengths.next().unwrap_or(0);
        // Checkpointing asks for little memory, and padding to another length costs time.
        if self.settings.gradient_checkpointing || lengths.any(|length| length != first) {
            return micro_batch;
        }
        micro_batch * (TOKENS_AT_ONCE / (micro_batch * first).max(1)).max(1)
    }

    /// The loss of a micro-batch divided by the labels of its step, and its gradients.
    fn gradients(
        &mut self,
        batch: &Batch,
        num_labels: usize,
    ) -> Result<(f64, GradStore), TrainError> {
        let (adapters, dropout) = (self.parameters.adapters(), Some(&mut self.dropout));
        let (loss, store) = if self.settings.gradient_checkpointing {
            self.transformer.loss_and_gradients(batch, adapters, dropout, num_labels)?
        } else {
            let hidden = self.transformer.hidden_states(batch, adapters, dropout)?;
            let loss = self.transformer.loss_over(&hidden, batch, num_labels)?;
            let store = loss.mean.backward()?;
            (loss, store)
        };
        Ok((f64::from(loss.mean.to_scalar::<f32>()?), store))
    }

    /// The evaluation loss after `step`, when it is due.
    fn evaluate(
        &self,
        step: usize,
        plan: StepPlan,
        observer: &dyn Observer,
    ) -> Result<Option<f64>, TrainError> {
        let is_due = match self.settings.evaluation {
            Evaluation::Never => false,
            Evaluation::Steps(every) => step.is_multiple_of(every.max(1)),
            Evaluation::Epoch => plan.starts_epoch(step),
        };
        if !is_due || self.data.eval.is_empty() {
            return Ok(None);
        }
        let is_cancelled = || observer.is_cancelled();
        let adapters = self.parameters.adapters();
        let loss =
            mean_loss(self.transformer, adapters, self.data.eval, self.settings, &is_cancelled)?;
        Ok(Some(loss))
    }
}

fn check_finite(
    what: &'static str,
    value: f64,
    step: usize,
    blocks: &[usize],
) -> Result<(), TrainError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(TrainError::NotFinite { what, value, step, blocks: blocks.to_vec() })
}
