//! One step: losses and gradients of its micro-batches, then the update.

use std::time::Instant;

use olive_kit_adapters::random::mix;
use olive_kit_decoder::Objective;

use super::Trainer;
use crate::batches::{Cut, MicroBatch, batches};
use crate::error::TrainError;
use crate::observer::{Observer, StepReport};
use crate::optimizer::clip::clip;
use crate::ranks::{StepSums, share};

impl Trainer<'_> {
    /// One update from the sequences at `blocks`.
    pub(super) fn step(
        &mut self,
        step: usize,
        blocks: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<StepReport, TrainError> {
        let started = Instant::now();
        let labels = blocks.iter().map(|&block| self.data.train[block].num_labels());
        let count = labels.sum();
        if count == 0 {
            return Err(TrainError::NoLabels { step, blocks: blocks.to_vec() });
        }
        let mine = share(blocks, self.group);
        let batches = batches(self.data.train, &mine, self.cut(self.settings.train_batch_size));
        let sums = self.compute(step, &batches, count, observer)?;
        let sums = sums.over(self.group, &mut self.gradients)?;
        if sums.is_cancelled {
            return Err(self.cancelled());
        }
        self.check_finite("loss", sums.loss, step, &batches)?;
        let grad_norm = clip(&mut self.gradients, self.settings.max_grad_norm);
        self.check_finite("norm of the gradients", grad_norm, step, &batches)?;
        let learning_rate = self.progress.rate();
        self.optimizer.step(&mut self.adapters.parameters, &self.gradients, learning_rate);
        Ok(StepReport {
            step,
            epoch: self.plan.epochs_done(step),
            loss: sums.loss,
            learning_rate,
            grad_norm,
            tokens: sums.tokens,
            seconds: started.elapsed().as_secs_f64(),
            eval_loss: None,
            best_eval_loss: None,
        })
    }

    /// Loss and gradients of this rank's part of a step with `count` labels in all.
    fn compute(
        &mut self,
        step: usize,
        batches: &[MicroBatch],
        count: usize,
        observer: &dyn Observer,
    ) -> Result<StepSums, TrainError> {
        let mut sums = StepSums::default();
        self.gradients.clear();
        for (number, part) in (0..).zip(batches) {
            if observer.is_cancelled() {
                sums.is_cancelled = true;
                break;
            }
            let objective = self.objective(step, number, count);
            let (adapters, gradients) = (&*self.adapters, &mut self.gradients);
            let loss =
                self.engine.loss_and_gradients(&part.batch, adapters, &objective, gradients)?;
            // Other ranks are told by the sum.
            if self.group.ranks() == 1 {
                self.check_finite("loss", loss, step, std::slice::from_ref(part))?;
            }
            sums.loss += loss;
            sums.tokens += part.num_tokens();
        }
        Ok(sums)
    }

    pub(super) fn cut(&self, batch_size: usize) -> Cut {
        Cut {
            batch_size,
            // Checkpointing of activations asks for little memory.
            joins: !self.settings.gradient_checkpointing,
            // Noise on embeddings is the smaller the longer a row.
            pads: self.settings.neftune_alpha > 0.0,
            pad_token_id: self.settings.pad_token_id,
        }
    }

    /// How the loss of a micro-batch is taken. Its seed follows from the settings, the step, its
    /// number and the rank alone, so that a training that is resumed drops the same.
    fn objective(&self, step: usize, number: u64, count: usize) -> Objective {
        // Numbers of different ranks do not meet: no step has so many micro-batches.
        let number = number + ((self.group.rank() as u64) << 32);
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
}
