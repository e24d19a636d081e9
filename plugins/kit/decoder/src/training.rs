//! Whole passes of training: forward over all layers, loss, backward.

use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_checkpoint::Decoder;

use crate::activations::Activations;
use crate::batch::Batch;
use crate::divergence::{DivergenceLoss, Teacher};
use crate::engine::{Engine, Objective};
use crate::error::DecoderError;
use crate::fit::check_adapters;
use crate::heads::{Attention, Geometry, Layout};
use crate::layer::Room;
use crate::observer::EmbeddingGradient;
use crate::pass::Pass;
use crate::rotary::{RotaryTables, Turn};
use crate::rows::fit;
use crate::scratch::Scratch;
use crate::transformer::Transformer;
use crate::vocabulary_loss::VocabularyLoss;
use crate::workspace::Workspace;

impl Engine for Transformer {
    fn loss_and_gradients(
        &mut self,
        batch: &Batch,
        adapters: &Adapters,
        objective: &Objective,
        gradients: &mut Gradients,
    ) -> Result<f64, DecoderError> {
        let pass = Pass::training(adapters, objective.seed);
        self.over(batch, pass, |run, workspace| {
            run.loss_and_gradients(batch, objective, gradients, workspace)
        })
    }

    fn loss(&mut self, batch: &Batch, adapters: &Adapters) -> Result<f64, DecoderError> {
        let pass = Pass::inference(adapters);
        self.over(batch, pass, |run, workspace| run.loss(batch, workspace))
    }
}

impl Transformer {
    /// Logits of all tokens of a batch, `[batch * seq, vocab_size]`.
    ///
    /// # Errors
    /// When the batch or the adapters do not fit the model.
    pub fn logits(&mut self, batch: &Batch, adapters: &Adapters) -> Result<Vec<f32>, DecoderError> {
        let pass = Pass::inference(adapters);
        self.over(batch, pass, |run, workspace| run.logits(batch, workspace))
    }

    /// Hidden states of all tokens of a batch after the last norm, `[batch * seq, hidden_size]`.
    ///
    /// # Errors
    /// When the batch does not fit the model.
    pub fn hidden_states(&mut self, batch: &Batch) -> Result<Vec<f32>, DecoderError> {
        let adapters = Adapters::none();
        self.over(batch, Pass::inference(&adapters), |run, workspace| {
            run.hidden_states(batch, workspace);
            workspace.normed.clone()
        })
    }

    /// Runs one pass over a batch, once both are known to fit the model.
    pub(crate) fn over<T>(
        &mut self,
        batch: &Batch,
        pass: Pass<'_>,
        work: impl FnOnce(&Run<'_>, &mut Workspace) -> T,
    ) -> Result<T, DecoderError> {
        batch.check(self.decoder().vocab_size)?;
        check_adapters(pass.adapters, self.decoder())?;
        let mut workspace = std::mem::take(&mut self.workspace);
        let layout = layout(self.decoder(), batch);
        let given = work(&Run { transformer: self, pass, layout }, &mut workspace);
        self.workspace = workspace;
        Ok(given)
    }
}

/// One pass over one batch.
pub(crate) struct Run<'a> {
    transformer: &'a Transformer,
    pass: Pass<'a>,
    layout: Layout,
}

impl<'a> Run<'a> {
    fn attention(&self, layer: usize) -> Attention<'_> {
        let decoder = self.transformer.decoder();
        let geometry = Geometry::of(decoder, self.transformer.precision());
        Attention { geometry, window: decoder.window(layer), layout: &self.layout }
    }

    /// One layer's forward.
    fn layer(
        &self,
        index: usize,
        hidden: &mut [f32],
        kept: &mut Activations,
        scratch: &mut Scratch,
    ) {
        let attention = self.attention(index);
        let num_sums = self.layout.positions.len() * attention.geometry.num_heads;
        let mut room = Room { pass: self.pass, scratch };
        let layer = &self.transformer.layers[index];
        layer.forward(hidden, kept, &mut room, |kept| {
            attention.rotate(&mut kept.qkv, Turn::Forward);
            let log_sums = fit(&mut kept.log_sums, num_sums);
            attention.forward(&kept.qkv, &mut kept.attended, log_sums);
        });
    }

    /// The hidden states after the last norm, in `workspace.normed`.
    fn hidden_states(&self, batch: &Batch, workspace: &mut Workspace) {
        let Workspace { scratch, kept, hidden, normed, .. } = workspace;
        let width = self.transformer.decoder().hidden_size;
        let hidden = fit(hidden, batch.input_ids.len() * width);
        self.transformer.embed(&batch.input_ids, hidden, &self.pass);
        kept.resize_with(kept.len().max(1), Activations::default);
        for index in 0..self.transformer.layers.len() {
            self.layer(index, hidden, &mut kept[0], scratch);
        }
        let normed = fit(normed, hidden.len());
        self.transformer.final_norm.forward(hidden, normed, &self.pass);
    }

    fn logits(&self, batch: &Batch, workspace: &mut Workspace) -> Vec<f32> {
        self.hidden_states(batch, workspace);
        let mut logits = vec![0.0; batch.input_ids.len() * self.transformer.decoder().vocab_size];
        let Workspace { scratch, normed, .. } = workspace;
        self.transformer.logits_of(normed, &mut logits, &self.pass, scratch);
        logits
    }

    fn loss(&self, batch: &Batch, workspace: &mut Workspace) -> f64 {
        self.hidden_states(batch, workspace);
        let mut room = Room { pass: self.pass, scratch: &mut workspace.scratch };
        self.vocabulary_loss(batch, 1, 0.0).forward(&workspace.normed, &mut room)
    }

    fn loss_and_gradients(
        &self,
        batch: &Batch,
        objective: &Objective,
        gradients: &mut Gradients,
        workspace: &mut Workspace,
    ) -> f64 {
        let loss = self.vocabulary_loss(batch, objective.count, objective.label_smoothing);
        self.forward_and_backward(
            batch,
            objective,
            gradients,
            workspace,
            |normed, of_normed, gradients, room| {
                loss.forward_and_backward(normed, of_normed, gradients, room)
            },
        )
    }

    pub(crate) fn divergence(
        &self,
        batch: &Batch,
        teacher: &Teacher<'_>,
        workspace: &mut Workspace,
    ) -> f64 {
        let objective = Objective {
            count: 1,
            label_smoothing: 0.0,
            neftune_alpha: 0.0,
            seed: 0,
            checkpoints_activations: true,
        };
        let softcap = self.transformer.decoder().logit_softcap;
        let loss = DivergenceLoss::new(&self.transformer.lm_head, softcap, teacher);
        let gradients = &mut Gradients::zeros(&[]);
        self.forward_and_backward(
            batch,
            &objective,
            gradients,
            workspace,
            |normed, of_normed, gradients, room| {
                loss.forward_and_backward(normed, of_normed, gradients, room)
            },
        )
    }

    /// Forward over all layers, the loss, and backward; `loss` is given the hidden states after the
    /// last norm and writes their gradient.
    fn forward_and_backward(
        &self,
        batch: &Batch,
        objective: &Objective,
        gradients: &mut Gradients,
        workspace: &mut Workspace,
        loss: impl FnOnce(&[f32], &mut [f32], &mut Gradients, &mut Room<'_>) -> f64,
    ) -> f64 {
        self.forward(batch, objective, workspace);
        let Workspace { scratch, hidden, normed, gradient, .. } = &mut *workspace;
        let (normed, gradient) = (fit(normed, hidden.len()), fit(gradient, hidden.len()));
        let final_norm = &self.transformer.final_norm;
        final_norm.forward(hidden, normed, &self.pass);
        let mut room = Room { pass: self.pass, scratch };
        let mut of_normed = room.scratch.take(hidden.len());
        let loss = loss(normed, &mut of_normed, gradients, &mut room);
        gradient.fill(0.0);
        final_norm.backward(hidden, &of_normed, gradient, &self.pass, gradients);
        room.scratch.give(of_normed);
        self.backward(batch, objective.checkpoints_activations, gradients, workspace);
        loss
    }

    /// Leaves the residual stream after the last layer in `workspace.hidden`, and what the backward
    /// needs.
    fn forward(&self, batch: &Batch, objective: &Objective, workspace: &mut Workspace) {
        let num_layers = self.transformer.layers.len();
        let Workspace { scratch, kept, hidden, inputs, .. } = workspace;
        let hidden = fit(hidden, batch.input_ids.len() * self.transformer.decoder().hidden_size);
        self.transformer.embed(&batch.input_ids, hidden, &self.pass);
        self.add_noise(batch, objective.neftune_alpha, hidden);
        let recomputes = objective.checkpoints_activations;
        kept.resize_with(if recomputes { 1 } else { num_layers }, Activations::default);
        inputs.resize_with(if recomputes { num_layers } else { 0 }, Vec::new);
        for index in 0..num_layers {
            if recomputes {
                fit(&mut inputs[index], hidden.len()).copy_from_slice(hidden);
            }
            self.layer(index, hidden, &mut kept[if recomputes { 0 } else { index }], scratch);
        }
    }

    /// Takes the gradient in `workspace` from the output of the last layer to the embedding.
    fn backward(
        &self,
        batch: &Batch,
        recomputes: bool,
        gradients: &mut Gradients,
        workspace: &mut Workspace,
    ) {
        let Workspace { scratch, kept, hidden, inputs, gradient, .. } = workspace;
        let observer = self.pass.observer;
        let trained_embedding = self.transformer.trained_embedding(&self.pass);
        for index in (0..self.transformer.layers.len()).rev() {
            let kept = &mut kept[if recomputes { 0 } else { index }];
            if recomputes {
                hidden.copy_from_slice(&inputs[index]);
                self.layer(index, hidden, kept, scratch);
            }
            let needs_input = index > 0 || trained_embedding.is_some() || observer.is_some();
            let mut room = Room { pass: self.pass, scratch };
            let attention = self.attention(index);
            let layer = &self.transformer.layers[index];
            layer.backward(gradient, kept, &attention, needs_input, gradients, &mut room);
        }
        if let Some((id, scale)) = trained_embedding {
            add_embedding_gradient(batch, gradient, scale, gradients.get_mut(id));
        }
        if let Some(observer) = observer {
            let scale = self.transformer.embedding_scale().unwrap_or(1.0);
            observer.embedding(&EmbeddingGradient { tokens: &batch.input_ids, gradient, scale });
        }
    }

    /// `NEFTune`: uniform noise within `alpha / sqrt(seq * hidden_size)`.
    fn add_noise(&self, batch: &Batch, alpha: f64, hidden: &mut [f32]) {
        let Some(masks) = self.pass.masks.filter(|_| alpha > 0.0) else { return };
        let width = self.transformer.decoder().hidden_size;
        #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
        let largest = (alpha / ((batch.seq * width) as f64).sqrt()) as f32;
        for (index, value) in hidden.iter_mut().enumerate() {
            *value += largest * masks.noise(index);
        }
    }

    fn vocabulary_loss(&self, batch: &Batch, count: usize, smoothing: f64) -> VocabularyLoss<'a> {
        let Transformer { lm_head, .. } = self.transformer;
        let softcap = self.transformer.decoder().logit_softcap;
        VocabularyLoss::new(lm_head, softcap, batch, count, smoothing)
    }
}

/// Where the tokens of `batch` stand.
///
/// `LongRoPE` takes its long factors when a sequence, or the longest sample where sequences hold
/// several, exceeds the original length: transformers goes by the largest position.
fn layout(decoder: &Decoder, batch: &Batch) -> Layout {
    let seq = batch.seq;
    let positions = batch.positions();
    let longest = positions.iter().max().map_or(0, |&last| last as usize + 1);
    Layout {
        seq,
        positions,
        key_mask: batch.attention_mask.clone(),
        starts: batch.sample_starts(),
        tables: RotaryTables::new(&decoder.rope, 0..longest, longest),
    }
}

/// Adds the gradient of each token's embedding, `[batch * seq, hidden_size]`, to its row.
fn add_embedding_gradient(batch: &Batch, gradient: &[f32], scale: f32, of_embedding: &mut [f32]) {
    let width = gradient.len() / batch.input_ids.len();
    for (token, gradient) in batch.input_ids.iter().zip(gradient.chunks(width)) {
        let into = &mut of_embedding[*token as usize * width..][..width];
        into.iter_mut().zip(gradient).for_each(|(into, value)| *into += scale * value);
    }
}
