//! How weights are held in memory.

use std::ops::Range;

use olive_kit_checkpoint::{Checkpoint, Linear, LinearWeight};
use olive_kit_kernels::{FrozenMatrix, Precision};
use olive_kit_quant::{FourBit, FourBitFormat};

use crate::error::DecoderError;

/// How weights are held in memory, and what products with them multiply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Storage {
    /// Type of dense weights and of products.
    pub precision: Precision,
    /// Codes that linear layers but `lm_head` are rounded to; none keeps them as they are stored.
    pub four_bit: Option<FourBitFormat>,
}

impl Storage {
    /// The weight of a linear layer; one that is stored in 4 bits stays as it is.
    pub(crate) fn linear(
        self,
        checkpoint: &Checkpoint,
        linear: &Linear,
    ) -> Result<FrozenMatrix, DecoderError> {
        let stored = match checkpoint.weight(linear)? {
            LinearWeight::FourBit(weight) => {
                let (rows, columns) = (linear.out_features, linear.in_features);
                return Ok(FrozenMatrix::four_bit(weight, rows, columns, self.precision));
            }
            LinearWeight::Dense(stored) => stored,
        };
        let Some(format) = self.four_bit else {
            return self.dense(checkpoint, stored.name);
        };
        let (rows, columns) = (stored.num_rows(), stored.row_len());
        let fill = |rows: Range<usize>, into: &mut [f32]| {
            stored.dtype.decode_into(stored.rows_bytes(rows), into);
        };
        let weight = FourBit::from_rows(rows, columns, format, fill)
            .map_err(|source| DecoderError::Quantize { name: stored.name.to_owned(), source })?;
        checkpoint.release(stored.name);
        Ok(FrozenMatrix::four_bit(weight, rows, columns, self.precision))
    }

    /// The matrix called `name`.
    pub(crate) fn dense(
        self,
        checkpoint: &Checkpoint,
        name: &str,
    ) -> Result<FrozenMatrix, DecoderError> {
        let stored = checkpoint.tensor(name)?;
        let (rows, columns) = (stored.num_rows(), stored.row_len());
        let fill = |rows: Range<usize>, into: &mut [f32]| {
            let bytes = stored.rows_bytes(rows);
            stored.dtype.decode_into(bytes, into);
        };
        let weight = FrozenMatrix::new(rows, columns, self.precision, fill);
        checkpoint.release(name);
        Ok(weight)
    }
}
