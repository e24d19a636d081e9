//! Where each tensor of the merged checkpoint comes from.

use std::collections::BTreeMap;

use olive_kit_adapters::AdapterFolder;
use olive_kit_checkpoint::{Decoder, Dtype, Linear, LinearWeight, Tensor};

use super::{Merge, float_dtype};
use crate::error::MergeError;
use crate::weight::BaseWeight;

/// One tensor of the merged checkpoint.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// Its name.
    pub(super) name: String,
    /// Type of its values, which is that of the base.
    pub(super) dtype: Dtype,
    /// Its shape.
    pub(super) shape: Vec<usize>,
    /// Where its values come from.
    pub(super) source: Source<'a>,
}

/// Where the values of a tensor come from.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// From the base, as they are.
    Copied(Tensor<'a>),
    /// From the adapter, which has trained them whole.
    Replaced(Tensor<'a>),
    /// From the base's weight of a layer, through codes or an adapter or both.
    Merged {
        /// The layer.
        linear: Linear,
        /// Whether the adapter has something for it.
        is_adapted: bool,
    },
}

/// Whether the adapter makes two weights of the one that embedding and `lm_head` share.
pub(super) fn is_untied(adapter: &AdapterFolder) -> Result<bool, MergeError> {
    let is_adapted = adapter.linears().iter().any(|linear| linear.name == Decoder::LM_HEAD_MODULE);
    let saved = [
        adapter.saved_weight(Decoder::EMBEDDING_MODULE)?,
        adapter.saved_weight(Decoder::LM_HEAD_MODULE)?,
    ];
    Ok(match saved {
        _ if is_adapted => true,
        [None, None] => false,
        [Some(embedding), Some(head)] => embedding.bytes != head.bytes,
        [Some(_), None] | [None, Some(_)] => true,
    })
}

impl<'a> Merge<'a> {
    /// The tensors of the merged checkpoint, in the order of the base.
    pub(super) fn parts(&self) -> Result<Vec<Part<'a>>, MergeError> {
        let linears = self.linears();
        let mut parts = Vec::new();
        for name in self.checkpoint.tensor_names() {
            // A head that is stored although it is tied is nothing but the embedding again.
            let is_tied_head = name == Decoder::LM_HEAD && self.is_tied();
            if is_tied_head || self.is_state(name, &linears) {
                continue;
            }
            parts.push(match linears.get(name) {
                Some(linear) => self.linear_part(name, linear)?,
                None => self.other_part(name)?,
            });
        }
        if self.unties {
            let head = Linear {
                name: Decoder::LM_HEAD_MODULE.to_owned(),
                ..self.checkpoint.decoder().lm_head()
            };
            parts.push(self.linear_part(Decoder::LM_HEAD, &head)?);
        }
        Ok(parts)
    }

    /// The weight of a layer as the adapter has seen it.
    pub(super) fn base_weight(&self, linear: &Linear) -> Result<BaseWeight<'a>, MergeError> {
        let stored = Linear { name: self.stored_path(linear).to_owned(), ..linear.clone() };
        match self.checkpoint.weight(&stored)? {
            LinearWeight::FourBit(weight) => {
                Ok(BaseWeight::FourBit { weight, row_len: linear.in_features })
            }
            LinearWeight::Dense(tensor) => {
                let Some(base) = self.quantized.as_ref().filter(|base| base.has(linear)) else {
                    return Ok(BaseWeight::Dense(tensor));
                };
                let weight = BaseWeight::quantized(&tensor, base.format);
                self.checkpoint.release(tensor.name);
                weight.map_err(|source| MergeError::Weight { name: tensor.name.to_owned(), source })
            }
        }
    }

    /// Whether the adapter has seen a layer's weight in 4 bits.
    pub(super) fn is_four_bit(&self, linear: &Linear) -> bool {
        let is_marked = self.quantized.as_ref().is_some_and(|base| base.has(linear));
        is_marked || self.checkpoint.is_four_bit(linear)
    }

    fn linear_part(&self, name: &str, linear: &Linear) -> Result<Part<'a>, MergeError> {
        let shape = vec![linear.out_features, linear.in_features];
        let dtype = if self.checkpoint.is_four_bit(linear) {
            float_dtype(self.checkpoint)
        } else {
            self.checkpoint.tensor(&format!("{}.weight", self.stored_path(linear)))?.dtype
        };
        let part = |source| Part { name: name.to_owned(), dtype, shape, source };
        if let Some(saved) = self.adapter.saved_weight(&linear.name)? {
            return Ok(part(Source::Replaced(saved)));
        }
        let is_adapted = self.adapter.linears().iter().any(|adapted| adapted.name == linear.name);
        if is_adapted || self.is_four_bit(linear) {
            return Ok(part(Source::Merged { linear: linear.clone(), is_adapted }));
        }
        let stored = self.checkpoint.tensor(&format!("{}.weight", self.stored_path(linear)))?;
        Ok(part(Source::Copied(stored)))
    }

    /// A tensor that is no weight of a linear layer.
    fn other_part(&self, name: &str) -> Result<Part<'a>, MergeError> {
        let stored = self.checkpoint.tensor(name)?;
        let replaced = match (name.strip_suffix(".weight"), name.strip_suffix(".bias")) {
            (Some(path), _) => self.adapter.saved_weight(path)?,
            (_, Some(path)) => self.adapter.bias(path)?,
            (None, None) => None,
        };
        let source = replaced.map_or(Source::Copied(stored), Source::Replaced);
        let (dtype, shape) = (stored.dtype, stored.shape.to_vec());
        Ok(Part { name: name.to_owned(), dtype, shape, source })
    }

    /// Linear layers with a weight of their own, by its name.
    fn linears(&self) -> BTreeMap<String, Linear> {
        let linears = self.checkpoint.decoder().all_linears();
        linears.into_iter().map(|linear| (linear.weight(), linear)).collect()
    }

    /// Path of the module whose weight a layer uses.
    fn stored_path<'b>(&self, linear: &'b Linear) -> &'b str {
        if linear.name == Decoder::LM_HEAD_MODULE && self.is_tied() {
            Decoder::EMBEDDING_MODULE
        } else {
            &linear.name
        }
    }

    /// Whether a tensor only says how another one is stored in 4 bits.
    fn is_state(&self, name: &str, linears: &BTreeMap<String, Linear>) -> bool {
        let Some(end) = name.find(".weight.").map(|at| at + ".weight".len()) else { return false };
        linears.get(&name[..end]).is_some_and(|linear| self.checkpoint.is_four_bit(linear))
    }

    /// Whether the base has one weight for embedding and `lm_head`.
    fn is_tied(&self) -> bool {
        self.checkpoint.decoder().ties_embeddings
    }
}
