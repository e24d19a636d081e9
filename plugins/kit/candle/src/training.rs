//! Whole passes of training: forward over all layers, loss, backward.

use candle_core::{DType, Result, Tensor};
use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_decoder::dropout::Masks;
use olive_kit_decoder::fit::check_adapters;
use olive_kit_decoder::{Batch, DecoderError, Engine, Objective};

use crate::attention::Attention;
use crate::device::device_error;
use crate::layer::Kept;
use crate::layout::Layout;
use crate::parameters::{Brought, DeviceGradients, Parameters};
use crate::pass::Pass;
use crate::transformer::CandleTransformer;
use crate::vocabulary_loss::{VocabularyLoss, soft_cap};

impl Engine for CandleTransformer {
    fn loss_and_gradients(
        &mut self,
        batch: &Batch,
        adapters: &Adapters,
        objective: &Objective,
        gradients: &mut Gradients,
    ) -> std::result::Result<f64, DecoderError> {
        let mut loss_scale = self.loss_scale;
        let masks = Some(Masks::new(objective.seed));
        let loss = self.run(batch, adapters, masks, |run| {
            loop {
                let (loss, brought) = run.loss_and_gradients(objective, loss_scale.factor())?;
                // What is not finite at a scale of 1, or has no finite loss, is the trainer's to judge.
                if brought.is_finite() {
                    loss_scale.passed();
                } else if loss.is_finite() && loss_scale.halve() {
                    continue;
                }
                brought.add_to(gradients);
                break Ok(loss);
            }
        })?;
        self.loss_scale = loss_scale;
        Ok(loss)
    }

    fn loss(
        &mut self,
        batch: &Batch,
        adapters: &Adapters,
    ) -> std::result::Result<f64, DecoderError> {
        self.run(batch, adapters, None, |run| run.loss())
    }
}

impl CandleTransformer {
    /// Logits of all tokens of a batch, `[batch * seq, vocab_size]`.
    ///
    /// # Errors
    /// When the batch or the adapters do not fit the model, or the device fails.
    pub fn logits(
        &mut self,
        batch: &Batch,
        adapters: &Adapters,
    ) -> std::result::Result<Vec<f32>, DecoderError> {
        self.run(batch, adapters, None, |run| run.logits())
    }

    /// Does some work with a batch and adapters that fit the model.
    fn run<T>(
        &mut self,
        batch: &Batch,
        adapters: &Adapters,
        masks: Option<Masks>,
        work: impl FnOnce(Run<'_>) -> Result<T>,
    ) -> std::result::Result<T, DecoderError> {
        batch.check(self.decoder().vocab_size)?;
        check_adapters(adapters, self.decoder())?;
        let mut parameters = std::mem::take(&mut self.parameters);
        let done = parameters
            .refresh(adapters, self.held_as(), self.device())
            .and_then(|()| Run::new(self, batch, adapters, &parameters, masks))
            .and_then(work);
        self.parameters = parameters;
        done.map_err(device_error)
    }
}

/// One pass over one batch.
struct Run<'a> {
    transformer: &'a CandleTransformer,
    batch: &'a Batch,
    adapters: &'a Adapters,
    parameters: &'a Parameters,
    masks: Option<Masks>,
    /// `[batch * seq]`
    tokens: Tensor,
    layout: Layout,
}

impl<'a> Run<'a> {
    fn new(
        transformer: &'a CandleTransformer,
        batch: &'a Batch,
        adapters: &'a Adapters,
        parameters: &'a Parameters,
        masks: Option<Masks>,
    ) -> Result<Self> {
        let device = transformer.device();
        Ok(Self {
            transformer,
            batch,
            adapters,
            parameters,
            masks,
            tokens: Tensor::new(batch.input_ids.as_slice(), device)?,
            layout: Layout::new(transformer.decoder(), batch, device)?,
        })
    }

    fn pass(&self) -> Pass<'_> {
        Pass { adapters: self.adapters, parameters: self.parameters, masks: self.masks }
    }

    /// One layer's forward.
    fn layer(&self, index: usize, hidden: &Tensor) -> Result<(Tensor, Kept)> {
        let layer = &self.transformer.layers[index];
        layer.forward(hidden, &self.attention(index), &self.pass())
    }

    fn attention(&self, layer: usize) -> Attention<'_> {
        let decoder = self.transformer.decoder();
        Attention { decoder, window: decoder.window(layer), layout: &self.layout }
    }

    /// The hidden states after the last norm, `[batch * seq, hidden_size]`.
    fn hidden_states(&self) -> Result<Tensor> {
        let mut hidden = self.transformer.embed(&self.tokens, &self.pass())?;
        for index in 0..self.transformer.layers.len() {
            (hidden, _) = self.layer(index, &hidden)?;
        }
        self.transformer.final_norm.forward(&hidden, &self.pass())
    }

    fn logits(&self) -> Result<Vec<f32>> {
        let logits = self.transformer.lm_head.forward(&self.hidden_states()?, &self.pass())?;
        let softcap = self.transformer.decoder().logit_softcap;
        soft_cap(&logits.to_dtype(DType::F32)?, softcap)?.flatten_all()?.to_vec1()
    }

    fn loss(&self) -> Result<f64> {
        self.vocabulary_loss(0.0).forward(&self.hidden_states()?, &self.pass())?.sum()
    }

    fn loss_and_gradients(&self, objective: &Objective, scale: f32) -> Result<(f64, Brought)> {
        let (pass, num_layers) = (self.pass(), self.transformer.layers.len());
        let mut gradients = DeviceGradients::new(self.adapters);
        let hidden = self.transformer.embed(&self.tokens, &pass)?;
        let mut hidden = self.with_noise(hidden, objective.neftune_alpha)?;
        let mut memories = Vec::with_capacity(num_layers);
        for index in 0..num_layers {
            let (after, kept) = self.layer(index, &hidden)?;
            memories.push(if objective.checkpoints_activations {
                Memory::Input(hidden)
            } else {
                Memory::Kept(kept)
            });
            hidden = after;
        }

        let final_norm = &self.transformer.final_norm;
        let normed = final_norm.forward(&hidden, &pass)?;
        let count = objective.count.max(1) as f64;
        let loss = self.vocabulary_loss(objective.label_smoothing);
        let share = f64::from(scale) / count;
        let (losses, of_normed) =
            loss.forward_and_backward(&normed, share, &pass, &mut gradients)?;
        drop(normed);
        let mut gradient = final_norm.backward(&hidden, &of_normed, &pass, &mut gradients)?;
        drop((hidden, of_normed));

        let trained_embedding = self.transformer.trained_embedding(&pass);
        for index in (0..num_layers).rev() {
            let kept = match memories.pop() {
                Some(Memory::Kept(kept)) => kept,
                Some(Memory::Input(hidden)) => self.layer(index, &hidden)?.1,
                None => candle_core::bail!("layer {index} kept nothing"),
            };
            let needs_input = index > 0 || trained_embedding.is_some();
            let attention = self.attention(index);
            let layer = &self.transformer.layers[index];
            gradient =
                layer.backward(&gradient, &kept, &attention, needs_input, &pass, &mut gradients)?;
        }
        if let Some((id, factor)) = trained_embedding {
            let rows = (gradient.to_dtype(DType::F32)? * factor)?;
            let zeros = self.parameters.get(id).zeros_like()?.to_dtype(DType::F32)?;
            gradients.add(id, zeros.index_add(&self.tokens, &rows, 0)?)?;
        }
        let brought = gradients.bring(self.parameters, scale)?;
        Ok((losses.sum()? / count, brought))
    }

    /// `NEFTune`: uniform noise within `alpha / sqrt(seq * hidden_size)`.
    fn with_noise(&self, hidden: Tensor, alpha: f64) -> Result<Tensor> {
        let Some(masks) = self.masks.filter(|_| alpha > 0.0) else { return Ok(hidden) };
        let width = self.transformer.decoder().hidden_size;
        #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
        let largest = (alpha / ((self.batch.seq * width) as f64).sqrt()) as f32;
        let noise = (0..hidden.elem_count()).map(|index| largest * masks.noise(index));
        let noise = Tensor::from_iter(noise, hidden.device())?.reshape(hidden.shape())?;
        hidden + noise.to_dtype(self.transformer.held_as())?
    }

    fn vocabulary_loss(&self, smoothing: f64) -> VocabularyLoss<'_> {
        let softcap = self.transformer.decoder().logit_softcap;
        VocabularyLoss::new(&self.transformer.lm_head, softcap, self.batch, smoothing)
    }
}

/// What a layer leaves for its backward.
enum Memory {
    Kept(Kept),
    /// Only the residual stream before it: all else is computed again.
    Input(Tensor),
}
