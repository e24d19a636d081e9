//! Activation checkpointing: one layer's activations in memory at a time.
//!
//! Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016).

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use crate::adapters::Adapters;
use crate::batch::Batch;
use crate::dropout::Dropout;
use crate::error::DecoderError;
use crate::layer::Variation;
use crate::transformer::{Loss, Transformer};

impl Transformer {
    /// The loss of `batch` divided by `count` labels, off the tape, and its gradients.
    ///
    /// The same numbers as [`Transformer::hidden_states`], [`Transformer::loss_over`] and
    /// `backward`, but only the input of each layer is kept: every layer is computed again before
    /// its backward. It takes about a third longer, and memory for one layer's activations instead
    /// of all.
    ///
    /// # Errors
    /// When the batch or the adapters do not fit the model.
    pub fn loss_and_gradients(
        &self,
        batch: &Batch,
        adapters: &Adapters,
        dropout: Option<&mut Dropout>,
        count: usize,
    ) -> Result<(Loss, GradStore), DecoderError> {
        let (pass, attention) = self.prepare(batch, adapters, dropout)?;
        let attend = |qkv: &Tensor| attention.apply(qkv);
        let (detached, mut inputs) = (adapters.detached(), Vec::new());
        let mut hidden = self.embed(&batch.input_ids)?;
        for layer in &self.layers {
            inputs.push(hidden.clone());
            hidden = layer.forward(&hidden, Variation { adapters: &detached, pass }, attend)?;
        }
        let last = Var::from_tensor(&hidden)?;
        let loss = self.loss_over(&self.norm(&last)?, batch, count)?;
        let mut gradient = loss.mean.backward()?.remove(&last);
        let mut gradients = GradStore::default();
        for (layer, input) in self.layers.iter().zip(inputs).rev() {
            let Some(from_above) = gradient else { break };
            let input = Var::from_tensor(&input)?;
            let output = layer.forward(&input, Variation { adapters, pass }, attend)?;
            let mut found = (output * &from_above)?.sum_all()?.backward()?;
            // Its own gradient holds on to the layer's tape.
            found.remove(&from_above);
            gradient = found.remove(&input);
            gradients.extend(found)?;
        }
        Ok((Loss { mean: loss.mean.detach(), ..loss }, gradients))
    }
}
