//! How weights are held in memory.

use std::ops::Range;

use olive_kit_checkpoint::{Linear, LinearWeight, Tensor};
use olive_kit_kernels::{FrozenMatrix, Precision};
use olive_kit_quant::{FourBit, FourBitFormat};

use crate::error::DecoderError;
use crate::weights::{Weights, unpacked};

/// How weights are held in memory, and what products with them multiply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Storage {
    /// Type of dense weights and of products.
    pub precision: Precision,
    /// Codes that linear layers but `lm_head` are rounded to; none keeps them as they are stored.
    pub four_bit: Option<FourBitFormat>,
}

impl Storage {
    /// The weight of a linear layer; one that is stored in 4 bits stays as it is, one that is packed
    /// becomes dense.
    pub(crate) fn linear(
        self,
        weights: Weights<'_>,
        linear: &Linear,
    ) -> Result<FrozenMatrix, DecoderError> {
        let shape = (linear.out_features, linear.in_features);
        let checkpoint = match weights {
            Weights::Checkpoint(checkpoint) => checkpoint,
            Weights::Packed(checkpoint) => {
                let codes = checkpoint.rows(linear, 0..linear.out_features)?;
                let (Some(layer), Some(codes)) = (checkpoint.layer(&linear.name), codes) else {
                    return self.stored(weights, &checkpoint.tensor(&linear.weight())?);
                };
                let made = unpacked(layer, &codes, shape, self.precision);
                checkpoint.release(&linear.name);
                return Ok(made);
            }
        };
        match checkpoint.weight(linear)? {
            LinearWeight::FourBit(weight) => {
                Ok(FrozenMatrix::four_bit(weight, shape.0, shape.1, self.precision))
            }
            LinearWeight::Dense(stored) => self.stored(weights, &stored),
        }
    }

    /// A matrix that is stored in floats.
    fn stored(
        self,
        weights: Weights<'_>,
        stored: &Tensor<'_>,
    ) -> Result<FrozenMatrix, DecoderError> {
        let (rows, columns) = (stored.num_rows(), stored.row_len());
        let fill = |rows: Range<usize>, into: &mut [f32]| {
            stored.dtype.decode_into(stored.rows_bytes(rows), into);
        };
        let made = match self.four_bit {
            None => FrozenMatrix::new(rows, columns, self.precision, fill),
            Some(format) => {
                let name = || stored.name.to_owned();
                let weight = FourBit::from_rows(rows, columns, format, fill)
                    .map_err(|source| DecoderError::Quantize { name: name(), source })?;
                FrozenMatrix::four_bit(weight, rows, columns, self.precision)
            }
        };
        weights.release(stored.name);
        Ok(made)
    }
}
