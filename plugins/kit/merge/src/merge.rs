//! A base model and what is folded into it.

pub(crate) mod parts;
pub(crate) mod weight;

use std::collections::BTreeMap;
use std::path::Path;

use olive_kit_adapters::{AdapterFolder, QuantizedBase};
use olive_kit_checkpoint::{Checkpoint, Decoder, Description, Linear};
use serde_json::Value;

use self::parts::{Part, Source};
use crate::error::MergeError;

/// A checkpoint, and an adapter that fits it or none.
#[derive(Debug)]
pub struct Merge {
    checkpoint: Checkpoint,
    adapter: Option<AdapterFolder>,
    quantized: Option<QuantizedBase>,
    /// Linear layers with a weight of their own, by its name.
    linears: BTreeMap<String, Linear>,
    unties: bool,
}

impl Merge {
    /// Opens the checkpoint in the folder `model` and the adapter in the folder `adapter`;
    /// `attributes` of the model say how its weights were held while that was trained.
    ///
    /// # Errors
    /// When one cannot be read or they do not fit each other, the checkpoint does not fit its
    /// config, or the attributes tell of a quantization that is not computed.
    pub fn open(
        model: &Path,
        adapter: Option<&Path>,
        attributes: &BTreeMap<String, Value>,
    ) -> Result<Self, MergeError> {
        let checkpoint = Checkpoint::open_quantized(model)?;
        checkpoint.validate()?;
        let quantized = QuantizedBase::of(attributes)?;
        let adapter =
            adapter.map(|dir| AdapterFolder::open(dir, checkpoint.decoder())).transpose()?;
        let unties = match &adapter {
            Some(adapter) => checkpoint.decoder().ties_embeddings && parts::is_untied(adapter)?,
            None => false,
        };
        let linears = checkpoint.decoder().all_linears();
        let linears = linears.into_iter().map(|linear| (linear.weight(), linear)).collect();
        Ok(Self { checkpoint, adapter, quantized, linears, unties })
    }

    /// The checkpoint as it is.
    pub fn base(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Whether embedding and `lm_head`, one weight before, become two.
    pub fn unties(&self) -> bool {
        self.unties
    }

    /// Whether a tensor is made of codes in 4 bits: those that are stored, or those that the
    /// adapter was trained on.
    pub fn is_dequantized(&self, part: &Part<'_>) -> bool {
        matches!(&part.source, Source::Merged { linear, .. } if self.is_four_bit(linear))
    }

    /// What the merged model is.
    pub fn description(&self) -> Description {
        let mut merged = self.checkpoint.description().clone();
        if self.unties {
            merged.decoder.ties_embeddings = false;
            merged.config.insert("tie_word_embeddings".into(), false.into());
        }
        if merged.quantization.take().is_some() {
            merged.config.shift_remove("quantization_config");
        }
        merged
    }

    /// The text of the merged model's `config.json`, unless it is that of the base.
    pub fn config(&self) -> Option<String> {
        let is_quantized = self.checkpoint.description().quantization.is_some();
        let config = Value::Object(self.description().config);
        (self.unties || is_quantized).then(|| format!("{config:#}\n"))
    }

    /// Whether the adapter has seen a layer's weight in 4 bits.
    fn is_four_bit(&self, linear: &Linear) -> bool {
        let is_marked = self.quantized.as_ref().is_some_and(|base| base.has(linear));
        is_marked || self.checkpoint.is_four_bit(linear)
    }

    /// Whether the base has one weight for embedding and `lm_head`.
    fn is_tied(&self) -> bool {
        self.checkpoint.decoder().ties_embeddings
    }

    /// Path of the module whose weight a layer uses.
    fn stored_path<'b>(&self, linear: &'b Linear) -> &'b str {
        if linear.name == Decoder::LM_HEAD_MODULE && self.is_tied() {
            Decoder::EMBEDDING_MODULE
        } else {
            &linear.name
        }
    }
}
