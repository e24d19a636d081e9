//! One tensor of the merged checkpoint, ready to be computed.

use std::borrow::Cow;
use std::ops::Range;

use olive_kit_adapters::{Adapters, Layer};
use olive_kit_checkpoint::{Decoder, Dtype, Linear, LinearWeight, Tensor};

use super::Merge;
use super::parts::{Part, Source};
use crate::base::BaseWeight;
use crate::error::MergeError;

/// One tensor of the merged checkpoint, ready to be computed.
#[derive(Debug)]
pub struct MergedWeight<'a> {
    dtype: Dtype,
    values: Values<'a>,
}

#[derive(Debug)]
enum Values<'a> {
    /// As they are stored, but for their type.
    Whole(Tensor<'a>),
    /// A layer's weight, and what changes it.
    Merged { base: BaseWeight<'a>, adapter: Option<Box<(Adapters, Layer)>> },
}

impl Merge {
    /// Reads what is needed to compute `part`: the factors of a layer, and all codes of a weight
    /// in 4 bits.
    ///
    /// Runs on the threads of the current pool.
    ///
    /// # Errors
    /// When it cannot be read, or its values cannot be quantized as they were for the training.
    pub fn weight<'a>(&'a self, part: &Part<'a>) -> Result<MergedWeight<'a>, MergeError> {
        let values = match &part.source {
            Source::Whole(tensor) => Values::Whole(*tensor),
            Source::Merged { linear, adapter } => {
                let adapter =
                    adapter.map(|adapter| adapter.layer(linear)).transpose()?.map(Box::new);
                Values::Merged { base: self.base_weight(linear)?, adapter }
            }
        };
        Ok(MergedWeight { dtype: part.dtype, values })
    }

    /// Gives memory that holds the base's values of a tensor back to the system.
    pub fn release(&self, name: &str) {
        let is_head = name == Decoder::LM_HEAD && self.is_tied();
        self.checkpoint.release(if is_head { Decoder::EMBEDDING } else { name });
    }

    /// The weight of a layer as the adapter has seen it.
    fn base_weight(&self, linear: &Linear) -> Result<BaseWeight<'_>, MergeError> {
        let stored = Linear { name: self.stored_path(linear).to_owned(), ..linear.clone() };
        match self.checkpoint.weight(&stored)? {
            LinearWeight::FourBit(weight) => {
                let shape = [linear.out_features, linear.in_features];
                Ok(BaseWeight::FourBit { weight, shape })
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
}

impl<'a> MergedWeight<'a> {
    /// Some rows as the merged checkpoint stores them; lent from the file where nothing changes.
    ///
    /// Runs on the threads of the current pool. Computed in f32 and rounded once; neither the
    /// number of threads nor where `rows` begins changes a bit.
    ///
    /// # Panics
    /// When a row is past the end.
    pub fn rows(&self, rows: Range<usize>) -> Cow<'a, [u8]> {
        match &self.values {
            Values::Whole(tensor) if tensor.dtype == self.dtype => tensor.rows_bytes(rows).into(),
            Values::Whole(tensor) => {
                let mut bytes = Vec::new();
                self.dtype.encode(&tensor.rows_f32(rows), &mut bytes);
                bytes.into()
            }
            Values::Merged { base, adapter } => {
                base.merged(adapter.as_deref(), rows, self.dtype).into()
            }
        }
    }
}
