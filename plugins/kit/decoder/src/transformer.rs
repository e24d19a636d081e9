//! A decoder's frozen weights and its forward pass.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use olive_kit_checkpoint::{Checkpoint, Decoder};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::adapters::Adapters;
use crate::batch::Batch;
use crate::dropout::{Dropout, Pass};
use crate::error::DecoderError;
use crate::layer::{Layer, Variation};
use crate::linear::Linear;
use crate::ops::attention::{Geometry, RotaryAttention};
use crate::ops::rms_norm::RmsNorm;
use crate::ops::vocabulary_loss::VocabularyLoss;
use crate::rotary::RotaryTables;
use crate::weight::{self, Weight};

/// The frozen weights of a decoder, f32, each held once, and what they compute.
#[derive(Debug)]
pub struct Transformer {
    decoder: Decoder,
    embedding: Arc<Weight>,
    pub(crate) layers: Vec<Layer>,
    final_norm: RmsNorm,
    lm_head: Linear,
}

/// The loss of a batch.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Cross entropy, summed over all labels and divided by the count asked for; a scalar on the
    /// tape, 0 when there are no labels.
    pub mean: Tensor,
    /// Number of labels of the batch.
    pub count: usize,
}

impl Transformer {
    /// Converts all weights of `checkpoint` to f32; peak memory is the model in f32.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape than the config says.
    pub fn load(checkpoint: &Checkpoint) -> Result<Self, DecoderError> {
        checkpoint.validate()?;
        let decoder = checkpoint.decoder().clone();
        let embedding = Arc::new(Weight::load(checkpoint, Decoder::EMBEDDING)?);
        let layers = (0..decoder.num_layers).into_par_iter();
        let layers =
            layers.map(|index| Layer::load(checkpoint, index)).collect::<Result<_, _>>()?;
        let final_norm = weight::norm(checkpoint, Decoder::FINAL_NORM)?;
        let lm_head = if decoder.ties_embeddings {
            Linear::new(decoder.lm_head().name, Arc::clone(&embedding))
        } else {
            Linear::load(checkpoint, &decoder.lm_head())?
        };
        Ok(Self { decoder, embedding, layers, final_norm, lm_head })
    }

    /// What the model is.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The hidden states after the last norm, `[batch * seq, hidden_size]`.
    ///
    /// They are on the tape when a factor of `adapters` is a variable. Adapter inputs are dropped
    /// out only when `dropout` is given. Positions count from the start of each sequence; `LongRoPE`
    /// takes its long factors when `seq` exceeds the original length, as transformers does.
    ///
    /// # Errors
    /// When the batch or the adapters do not fit the model.
    pub fn hidden_states(
        &self,
        batch: &Batch,
        adapters: &Adapters,
        dropout: Option<&mut Dropout>,
    ) -> Result<Tensor, DecoderError> {
        let (pass, attention) = self.prepare(batch, adapters, dropout)?;
        let variation = Variation { adapters, pass };
        let mut hidden = self.embed(&batch.input_ids)?;
        for layer in &self.layers {
            let attend = |qkv: &Tensor| attention.apply(qkv);
            hidden = layer.forward(&hidden, variation, attend)?;
        }
        Ok(self.norm(&hidden)?)
    }

    /// Logits of some hidden states, `[rows, vocab_size]`.
    ///
    /// # Errors
    /// When `hidden` is not f32 `[rows, hidden_size]`.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor, DecoderError> {
        Ok(self.lm_head.forward(hidden, None)?)
    }

    /// The mean loss over the labels of `batch`, from its hidden states.
    ///
    /// # Errors
    /// When `hidden` is not that of the batch.
    pub fn loss(&self, hidden: &Tensor, batch: &Batch) -> Result<Loss, DecoderError> {
        self.loss_over(hidden, batch, batch.num_labels())
    }

    /// As [`Transformer::loss`], divided by `count` instead of the batch's number of labels.
    ///
    /// With the count of all micro-batches of a step, the sum of their losses is the mean over the
    /// step, as transformers computes it.
    ///
    /// # Errors
    /// When `hidden` is not that of the batch.
    pub fn loss_over(
        &self,
        hidden: &Tensor,
        batch: &Batch,
        count: usize,
    ) -> Result<Loss, DecoderError> {
        batch.check(self.decoder.vocab_size)?;
        let weight = Arc::clone(self.lm_head.weight());
        let mean = VocabularyLoss::new(weight, batch, count, hidden.track_op()).apply(hidden)?;
        Ok(Loss { mean, count: batch.num_labels() })
    }

    /// Checks the input of a forward pass and gives what all its layers share.
    pub(crate) fn prepare(
        &self,
        batch: &Batch,
        adapters: &Adapters,
        dropout: Option<&mut Dropout>,
    ) -> Result<(Option<Pass>, RotaryAttention), DecoderError> {
        batch.check(self.decoder.vocab_size)?;
        adapters.check(&self.decoder)?;
        let attention = RotaryAttention {
            geometry: Geometry::of(&self.decoder),
            tables: Arc::new(RotaryTables::new(&self.decoder.rope, 0..batch.seq, batch.seq)),
            key_mask: batch.attention_mask.clone().map(Arc::new),
            seq: batch.seq,
        };
        Ok((dropout.map(Dropout::next_pass), attention))
    }

    /// Rows of the embedding, `[tokens, hidden_size]`, off the tape; ids are checked before.
    pub(crate) fn embed(&self, tokens: &[u32]) -> candle_core::Result<Tensor> {
        let rows = tokens.iter().flat_map(|&token| self.embedding.row(token as usize));
        let shape = (tokens.len(), self.decoder.hidden_size);
        Tensor::from_vec(rows.copied().collect::<Vec<_>>(), shape, &Device::Cpu)
    }

    pub(crate) fn norm(&self, hidden: &Tensor) -> candle_core::Result<Tensor> {
        hidden.apply_op1(self.final_norm.clone())
    }
}
