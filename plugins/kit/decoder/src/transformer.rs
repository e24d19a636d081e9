//! A decoder's frozen weights.

use std::sync::Arc;

use olive_kit_adapters::ParameterId;
use olive_kit_checkpoint::{self as checkpoint, Decoder, Dtype};
use olive_kit_kernels::vector::vectorized;
use olive_kit_kernels::{FrozenMatrix, Precision};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::error::DecoderError;
use crate::layer::Layer;
use crate::linear::Linear;
use crate::norm::Norm;
use crate::pass::Pass;
use crate::rows::for_each_row;
use crate::scratch::Scratch;
use crate::softcap::soft_cap;
use crate::storage::Storage;
use crate::weights::Weights;
use crate::workspace::Workspace;

/// The frozen weights of a decoder, each held once, and what they compute.
#[derive(Debug)]
pub struct Transformer {
    decoder: Decoder,
    storage: Storage,
    embedding: Arc<FrozenMatrix>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) final_norm: Norm,
    pub(crate) lm_head: Linear,
    pub(crate) workspace: Workspace,
}

impl Transformer {
    /// Packs all weights of a checkpoint as `storage` says; no weight exists twice in memory. What
    /// GPTQ, AWQ or Olive has packed becomes floats.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape than the config says.
    pub fn load<'a>(
        weights: impl Into<Weights<'a>>,
        storage: Storage,
    ) -> Result<Self, DecoderError> {
        Self::load_where(weights, storage, |_| true)
    }

    /// The same, where `is_four_bit` tells which linear layers are rounded to the 4-bit codes of
    /// `storage`; `lm_head` never is.
    ///
    /// # Errors
    /// As [`Transformer::load`].
    pub fn load_where<'a>(
        weights: impl Into<Weights<'a>>,
        storage: Storage,
        is_four_bit: impl Fn(&checkpoint::Linear) -> bool + Sync,
    ) -> Result<Self, DecoderError> {
        let weights = weights.into();
        weights.validate()?;
        let decoder = weights.decoder().clone();
        let dense = Storage { four_bit: None, ..storage };
        let embedding = Arc::new(dense.linear(weights, &decoder.embedding_table())?);
        let layers = (0..decoder.num_layers).into_par_iter();
        let layers = layers
            .map(|index| Layer::load(weights, index, storage, &is_four_bit))
            .collect::<Result<_, _>>()?;
        let final_norm = Norm::load(weights, Decoder::FINAL_NORM)?;
        let lm_head = if decoder.ties_embeddings {
            Linear::new(Decoder::LM_HEAD_MODULE.to_owned(), Arc::clone(&embedding))
        } else {
            Linear::load(weights, &decoder.lm_head(), dense)?
        };
        let workspace = Workspace::default();
        Ok(Self { decoder, storage, embedding, layers, final_norm, lm_head, workspace })
    }

    /// What the model is.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// What products multiply.
    pub fn precision(&self) -> Precision {
        self.storage.precision
    }

    /// Puts other values, `[out_features, in_features]`, in the place of the weight of the linear
    /// layer at this module path; false where there is none.
    ///
    /// `lm_head` of a model that ties its embedding is the embedding too.
    ///
    /// # Panics
    /// When there are more or fewer values.
    pub fn replace_weight(&mut self, module: &str, values: &[f32]) -> bool {
        if module == self.lm_head.module {
            self.lm_head.replace(values);
            if self.decoder.ties_embeddings {
                self.embedding = Arc::clone(self.lm_head.weight());
            }
            return true;
        }
        let mut linears = self.layers.iter_mut().filter_map(|layer| layer.linear_mut(module));
        linears.next().map(|linear| linear.replace(values)).is_some()
    }

    /// Writes rows of the embedding, `[tokens, hidden_size]`; ids are checked before.
    pub(crate) fn embed(&self, tokens: &[u32], hidden: &mut [f32], pass: &Pass<'_>) {
        let width = self.decoder.hidden_size;
        let trained =
            pass.adapters.saved.get(Decoder::EMBEDDING_MODULE).map(|id| pass.adapters.values(*id));
        let scale = self.embedding_scale();
        for_each_row(hidden, width, |row, into| {
            let token = tokens[row] as usize;
            match trained {
                Some(values) => into.copy_from_slice(&values[token * width..][..width]),
                None => self.embedding.row(token, into),
            }
            if let Some(scale) = scale {
                vectorized(|| olive_kit_kernels::vector::scale(into, scale));
            }
        });
    }

    /// Logits of hidden states after the last norm, `[rows, vocab_size]`.
    #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
    pub(crate) fn logits_of(
        &self,
        normed: &[f32],
        logits: &mut [f32],
        pass: &Pass<'_>,
        scratch: &mut Scratch,
    ) {
        self.lm_head.forward(&self.lm_head.input(normed), logits, pass, scratch);
        if let Some(cap) = self.decoder.logit_softcap {
            for_each_row(logits, self.decoder.vocab_size, |_, logits| {
                vectorized(|| soft_cap(logits, cap as f32));
            });
        }
    }

    /// The parameter that is trained in place of the embedding, and the factor on its rows.
    pub(crate) fn trained_embedding(&self, pass: &Pass<'_>) -> Option<(ParameterId, f32)> {
        let id = pass.adapters.saved.get(Decoder::EMBEDDING_MODULE)?;
        Some((*id, self.embedding_scale().unwrap_or(1.0)))
    }

    /// What rows of the embedding are multiplied by, where they are.
    pub(crate) fn embedding_scale(&self) -> Option<f32> {
        self.decoder.embedding_scale_in(match self.storage.precision {
            Precision::F32 => Dtype::F32,
            Precision::Bf16 => Dtype::BF16,
        })
    }
}
