//! What a trainer needs of a model.

use olive_kit_adapters::{Adapters, Gradients};

use crate::batch::Batch;
use crate::error::DecoderError;

/// A model that computes losses and their gradients, on whatever device.
pub trait Engine {
    /// Adds the gradients of a micro-batch's loss to `gradients`, which has one entry for each
    /// parameter of `adapters`, and gives the loss: the sum over all labels divided by
    /// `objective.count`.
    ///
    /// # Errors
    /// When the batch or the adapters do not fit the model.
    fn loss_and_gradients(
        &mut self,
        batch: &Batch,
        adapters: &Adapters,
        objective: &Objective,
        gradients: &mut Gradients,
    ) -> Result<f64, DecoderError>;

    /// Plain cross entropy summed over the labels of `batch`; nothing is dropped or smoothed.
    ///
    /// # Errors
    /// When the batch or the adapters do not fit the model.
    fn loss(&mut self, batch: &Batch, adapters: &Adapters) -> Result<f64, DecoderError>;
}

/// How the loss of a training pass is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// Labels of the whole step, by which the sum of losses is divided.
    pub count: usize,
    /// Share of each label that is spread over the vocabulary: Szegedy et al. (2015), as
    /// transformers' `LabelSmoother`. 0 is plain cross entropy.
    pub label_smoothing: f64,
    /// Noise on embeddings while training: Jain et al., "`NEFTune`" (2023); its `alpha`. 0 is none.
    pub neftune_alpha: f64,
    /// Seed of everything random in this pass: dropout and noise. The same seed drops the same.
    pub seed: u64,
    /// Keep one layer's activations in memory, and compute the others again.
    pub checkpoints_activations: bool,
}
