//! How a file's tensors are stored, chosen as `llama-quantize` does and computed by candle.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use olive_kit_checkpoint::Dtype;

use crate::error::GgufError;

/// Largest value float16 holds.
pub(super) const MAX_F16: f32 = 65504.0;

/// How a file stores its matrices; vectors are singles in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// Singles.
    F32,
    /// Halves.
    F16,
    /// 8 bits, a scale for 32 values.
    Q8_0,
    /// 4 bits, a scale for 32 values.
    Q4_0,
    /// 4 bits, scale and offset for 32 values.
    Q4_1,
    /// 4 bits, scale and offset of 6 bits for 32 values, and scales of those for 256.
    Q4K,
}

impl FileType {
    /// Its number under `general.file_type`.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q8_0 => 7,
            // `Q4_K_S`, whose matrices have one type.
            Self::Q4K => 14,
        }
    }

    /// How a tensor of this shape is stored. The matrix that makes logits has more bits than the
    /// others; rows that are no whole number of blocks are stored in a type that takes them.
    pub(super) fn of_tensor(self, shape: &[usize], makes_logits: bool) -> GgmlDType {
        let [_, row_len] = *shape else { return GgmlDType::F32 };
        let wanted = match self {
            Self::F32 => return GgmlDType::F32,
            Self::F16 => return GgmlDType::F16,
            Self::Q8_0 => GgmlDType::Q8_0,
            Self::Q4_0 | Self::Q4_1 | Self::Q4K if makes_logits => GgmlDType::Q6K,
            Self::Q4_0 => GgmlDType::Q4_0,
            Self::Q4_1 => GgmlDType::Q4_1,
            Self::Q4K => GgmlDType::Q4K,
        };
        let smaller = match wanted {
            GgmlDType::Q6K => GgmlDType::Q8_0,
            GgmlDType::Q4K => GgmlDType::Q5_0,
            other => other,
        };
        let fits = |dtype: &GgmlDType| row_len.is_multiple_of(dtype.block_size());
        [wanted, smaller].into_iter().find(fits).unwrap_or(GgmlDType::F16)
    }
}

/// Bytes of `values`, rows of `row_len`, as `dtype` stores them.
///
/// # Errors
/// When a value does not fit.
pub(super) fn encode(
    name: &str,
    values: &[f32],
    row_len: usize,
    dtype: GgmlDType,
) -> Result<Vec<u8>, GgufError> {
    let mut bytes = Vec::new();
    if dtype == GgmlDType::F32 {
        Dtype::F32.encode(values, &mut bytes);
        return Ok(bytes);
    }
    if let Some(&value) = values.iter().find(|value| value.is_nan() || value.abs() > MAX_F16) {
        let dtype = if dtype == GgmlDType::F16 { "float16" } else { "a scale in float16" };
        return Err(GgufError::Range { name: name.to_owned(), value, dtype });
    }
    if dtype == GgmlDType::F16 {
        Dtype::F16.encode(values, &mut bytes);
        return Ok(bytes);
    }
    let rows = (values.len() / row_len, row_len);
    let quantized = Tensor::from_slice(values, rows, &Device::Cpu)
        .and_then(|tensor| QTensor::quantize(&tensor, dtype))
        .and_then(|tensor| Ok(tensor.data()?.into_owned()));
    quantized.map_err(|source| GgufError::Quantize { name: name.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_llama_quantize() {
        use GgmlDType::{F16, F32, Q4_0, Q4_1, Q4K, Q5_0, Q6K, Q8_0};
        let rows = [
            (FileType::F32, 64, false, F32),
            (FileType::F16, 33, true, F16),
            (FileType::Q8_0, 64, true, Q8_0),
            (FileType::Q4_0, 64, false, Q4_0),
            (FileType::Q4_0, 64, true, Q8_0),
            (FileType::Q4_1, 256, false, Q4_1),
            (FileType::Q4_1, 256, true, Q6K),
            (FileType::Q4K, 512, false, Q4K),
            (FileType::Q4K, 576, false, Q5_0),
            (FileType::Q4K, 40, false, F16),
        ];
        for (file_type, row_len, makes_logits, expected) in rows {
            let found = file_type.of_tensor(&[2, row_len], makes_logits);
            assert_eq!(found, expected, "{file_type:?} of {row_len}");
            assert_eq!(file_type.of_tensor(&[row_len], false), F32);
        }
    }

    #[test]
    fn what_halves_cannot_hold_is_refused() {
        for value in [f32::NAN, f32::INFINITY, -70_000.0] {
            for dtype in [GgmlDType::F16, GgmlDType::Q8_0] {
                let values = [value; 32];
                let found = encode("w", &values, 32, dtype);
                assert!(matches!(found, Err(GgufError::Range { .. })), "{value} as {dtype:?}");
            }
        }
    }
}
