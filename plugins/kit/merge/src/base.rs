//! Rows of one layer's merged weight: what the adapter has seen, adapted, in the output's type.

use std::borrow::Cow;
use std::ops::Range;

use olive_kit_adapters::{Adapters, BLOCK_ROWS, Layer};
use olive_kit_checkpoint::{Dtype, Tensor};
use olive_kit_quant::{FourBit, FourBitFormat, QuantError};
use rayon::prelude::*;

/// A weight, `[out_features, in_features]`, before it is merged.
#[derive(Debug)]
pub(crate) enum BaseWeight<'a> {
    /// In floats, in the mapped file.
    Dense(Tensor<'a>),
    /// In 4-bit codes, in memory.
    FourBit {
        /// The codes.
        weight: FourBit,
        /// Rows and their width.
        shape: [usize; 2],
    },
}

impl<'a> BaseWeight<'a> {
    /// A weight in floats as the codes it had while an adapter was trained on it.
    ///
    /// Runs on the threads of the current pool; holds the codes, and no more of the weight than a
    /// few rows a thread.
    ///
    /// # Errors
    /// When a value is not finite.
    pub(crate) fn quantized(
        tensor: &Tensor<'a>,
        format: FourBitFormat,
    ) -> Result<Self, QuantError> {
        let shape @ [num_rows, row_len] = [tensor.num_rows(), tensor.row_len()];
        let weight = FourBit::from_rows(num_rows, row_len, format, |rows, into| {
            into.copy_from_slice(&tensor.rows_f32(rows));
        })?;
        Ok(Self::FourBit { weight, shape })
    }

    /// Some rows, adapted, as stored bytes of `dtype`; `adapter` is what adapts the layer, if
    /// anything does.
    ///
    /// Runs on the threads of the current pool, a block of [`BLOCK_ROWS`] each; of a block that
    /// `rows` cuts the whole is computed, so that its bits are the same.
    ///
    /// # Panics
    /// When a row is past the end, or the adapter is one of another layer.
    pub(crate) fn merged(
        &self,
        adapter: Option<&(Adapters, Layer)>,
        rows: Range<usize>,
        dtype: Dtype,
    ) -> Vec<u8> {
        let [num_rows, row_len] = self.shape();
        let row_bytes = row_len * dtype.size_bytes();
        let first = rows.start / BLOCK_ROWS * BLOCK_ROWS;
        let end = rows.end.next_multiple_of(BLOCK_ROWS).min(num_rows);
        let mut bytes = vec![0; (end - first) * row_bytes];
        let blocks = bytes.par_chunks_mut((BLOCK_ROWS * row_bytes).max(1)).enumerate();
        blocks.for_each(|(block, bytes)| {
            let start = first + block * BLOCK_ROWS;
            let rows = start..end.min(start + BLOCK_ROWS);
            let mut values = self.rows(rows.clone()).into_owned();
            if let Some((adapters, layer)) = adapter {
                adapters.adapt_rows(layer, rows, &mut values);
            }
            let mut encoded = Vec::with_capacity(bytes.len());
            dtype.encode(&values, &mut encoded);
            bytes.copy_from_slice(&encoded);
        });
        bytes.truncate((rows.end - first) * row_bytes);
        bytes.drain(..(rows.start - first) * row_bytes);
        bytes
    }

    fn shape(&self) -> [usize; 2] {
        match self {
            Self::Dense(tensor) => [tensor.num_rows(), tensor.row_len()],
            Self::FourBit { shape, .. } => *shape,
        }
    }

    fn rows(&self, rows: Range<usize>) -> Cow<'_, [f32]> {
        match self {
            Self::Dense(tensor) => tensor.rows_f32(rows),
            Self::FourBit { weight, shape: [_, row_len] } => {
                let mut values = vec![0.0; rows.len() * row_len];
                weight.dequantize(rows.start * row_len..rows.end * row_len, &mut values);
                values.into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantized_weight_is_what_its_codes_say() {
        let values: Vec<f32> =
            (0..130 * 64).map(|i| ((i * 37 % 101) as f32 - 50.0) / 99.0).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = Tensor { name: "w", dtype: Dtype::F32, shape: &[130, 64], bytes: &bytes };
        let format = FourBitFormat { double_quantized: true, ..FourBitFormat::NF4 };
        let base = BaseWeight::quantized(&tensor, format).unwrap();
        let merged = base.merged(None, 0..130, Dtype::F32);
        let mut expected = vec![0.0; values.len()];
        let codes = FourBit::quantize(&values, format).unwrap();
        codes.dequantize(0..values.len(), &mut expected);
        let expected: Vec<u8> = expected.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert!(merged == expected);
        assert!(merged != bytes);
        let some = base.merged(None, 70..129, Dtype::F32);
        assert!(some == expected[70 * 64 * 4..129 * 64 * 4]);
    }
}
