//! 4-bit weights as tensors of a checkpoint: what `save_pretrained` of transformers writes of a
//! model loaded with bitsandbytes (`QuantState.as_dict(packed=True)`, since 0.41).
//!
//! | tensor | dtype | holds |
//! | --- | --- | --- |
//! | `W` | u8, or another of the same bytes | codes `[ceil(n / 2), 1]`, two a byte |
//! | `W.absmax` | f32; u8 when double quantized | scales of blocks, or their codes |
//! | `W.quant_map` | f32 | the 16 values of the codebook |
//! | `W.nested_absmax` | f32 | scales of 256 codes each, when double quantized |
//! | `W.nested_quant_map` | f32 | the 256 values of the codes' map, when double quantized |
//! | `W.quant_state.bitsandbytes__nf4` or `__fp4` | u8 | JSON: kind, block sizes, shape, dtype, offset |

use serde::Deserialize;

use crate::codebook::FourBitKind;
use crate::dynamic::{DYNAMIC_BLOCK_SIZE, DynamicCodes};
use crate::error::QuantError;
use crate::four_bit::{FourBit, FourBitFormat, FourBitScales};

/// A weight in 4 bits with what its codes do not tell.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFourBit {
    /// Codes and scales.
    pub weight: FourBit,
    /// Shape of the weight.
    pub shape: Vec<usize>,
    /// torch's name of the type it was quantized from, and is dequantized to: `bfloat16`.
    pub dtype: String,
}

/// One tensor of several that store a weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTensor {
    /// What follows the weight's name in this tensor's, such as `.absmax`; nothing for the codes.
    pub suffix: String,
    /// Type of its values.
    pub dtype: StoredDtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values in row-major order, little endian.
    pub bytes: Vec<u8>,
}

/// Type of a stored tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredDtype {
    /// Unsigned bytes.
    U8,
    /// 32-bit floats.
    F32,
}

/// Why tensors are no 4-bit weight.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// A tensor is not there.
    #[error("there is no tensor `<weight>{suffix}`")]
    Missing {
        /// What follows the weight's name in the tensor's.
        suffix: String,
    },
    /// A tensor is too long or too short.
    #[error("`<weight>{suffix}` has {bytes} bytes, where {expected} are needed")]
    Length {
        /// What follows the weight's name in the tensor's.
        suffix: &'static str,
        /// Its length.
        bytes: usize,
        /// The length that goes with the weight's shape and block size.
        expected: usize,
    },
    /// The JSON that describes the weight does not.
    #[error("`<weight>{suffix}` is no description of a 4-bit weight")]
    State {
        /// What follows the weight's name in the tensor's.
        suffix: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The shape has more weights than can be counted.
    #[error("shape {0:?} has too many weights")]
    Shape(Vec<usize>),
    /// The codes stand for other values than those of the kind they are said to be.
    #[error("`<weight>.quant_map` does not hold the values of `{kind}`")]
    Codebook {
        /// `nf4` or `fp4`.
        kind: &'static str,
    },
    /// The weights are in blocks of an unknown size.
    #[error(transparent)]
    Quant(#[from] QuantError),
}

/// What `quant_state` describes.
#[derive(Deserialize)]
struct State {
    blocksize: usize,
    dtype: String,
    shape: Vec<usize>,
    nested_blocksize: Option<usize>,
    nested_offset: Option<f32>,
}

const ABSMAX: &str = ".absmax";
const QUANT_MAP: &str = ".quant_map";
const NESTED_ABSMAX: &str = ".nested_absmax";
const NESTED_QUANT_MAP: &str = ".nested_quant_map";

const KINDS: [FourBitKind; 2] = [FourBitKind::Nf4, FourBitKind::Fp4];

impl FourBitKind {
    /// bitsandbytes' name: `nf4` or `fp4`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nf4 => "nf4",
            Self::Fp4 => "fp4",
        }
    }

    /// What follows the weight's name in that of the tensor that describes it.
    pub const fn state_suffix(self) -> &'static str {
        match self {
            Self::Nf4 => ".quant_state.bitsandbytes__nf4",
            Self::Fp4 => ".quant_state.bitsandbytes__fp4",
        }
    }
}

impl StoredFourBit {
    /// Reads a weight; `tensor` gives the bytes of the tensor whose name is the weight's and this
    /// suffix.
    ///
    /// Scales in 8-bit codes of another map or in other blocks than [`FourBitScales::Double`] are
    /// read back to [`FourBitScales::Plain`] ones, which are the same numbers.
    ///
    /// # Errors
    /// When a tensor is missing or does not fit the others.
    pub fn read<'a>(tensor: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Self, StoredError> {
        let get = |suffix: &str| {
            tensor(suffix).ok_or_else(|| StoredError::Missing { suffix: suffix.to_owned() })
        };
        let (kind, state) =
            KINDS.iter().find_map(|kind| Some((*kind, tensor(kind.state_suffix())?))).ok_or_else(
                || StoredError::Missing { suffix: FourBitKind::Nf4.state_suffix().to_owned() },
            )?;
        let state: State = serde_json::from_slice(state)
            .map_err(|source| StoredError::State { suffix: kind.state_suffix(), source })?;
        let size = state.shape.iter().try_fold(1_usize, |size, axis| size.checked_mul(*axis));
        let len = size.ok_or_else(|| StoredError::Shape(state.shape.clone()))?;
        let mut format =
            FourBitFormat { kind, block_size: state.blocksize, double_quantized: false };
        format.check()?;
        check_codebook(kind, &floats(QUANT_MAP, get(QUANT_MAP)?, 16)?)?;
        let packed = get("")?;
        check_length("", packed, len.div_ceil(2))?;
        let (blocks, absmax) = (format.blocks(len), get(ABSMAX)?);
        let scales = match (state.nested_blocksize, state.nested_offset) {
            (Some(block_size @ 1..), Some(offset)) => {
                check_length(ABSMAX, absmax, blocks)?;
                let count = blocks.div_ceil(block_size);
                let scales = floats(NESTED_ABSMAX, get(NESTED_ABSMAX)?, count)?;
                let map = floats(NESTED_QUANT_MAP, get(NESTED_QUANT_MAP)?, 256)?;
                if block_size == DYNAMIC_BLOCK_SIZE && map == DynamicCodes::signed().values() {
                    format.double_quantized = true;
                    FourBitScales::Double { codes: absmax.to_vec(), scales, offset }
                } else {
                    let scale = |(block, code): (usize, &u8)| {
                        map[usize::from(*code)] * scales[block / block_size] + offset
                    };
                    FourBitScales::Plain(absmax.iter().enumerate().map(scale).collect())
                }
            }
            _ => FourBitScales::Plain(floats(ABSMAX, absmax, blocks)?),
        };
        let weight = FourBit { format, len, packed: packed.to_vec(), scales };
        Ok(Self { weight, shape: state.shape, dtype: state.dtype })
    }

    /// The tensors that store the weight, the codes first.
    pub fn tensors(&self) -> Vec<StoredTensor> {
        let FourBit { format, packed, scales, .. } = &self.weight;
        let codebook = floats_tensor(QUANT_MAP, format.kind.codebook());
        let state = bytes_tensor(format.kind.state_suffix(), self.state().into_bytes());
        let codes =
            StoredTensor { shape: vec![packed.len(), 1], ..bytes_tensor("", packed.clone()) };
        match scales {
            FourBitScales::Plain(scales) => {
                vec![codes, floats_tensor(ABSMAX, scales), codebook, state]
            }
            FourBitScales::Double { codes: absmax, scales, .. } => vec![
                codes,
                bytes_tensor(ABSMAX, absmax.clone()),
                floats_tensor(NESTED_ABSMAX, scales),
                floats_tensor(NESTED_QUANT_MAP, DynamicCodes::signed().values()),
                codebook,
                state,
            ],
        }
    }

    /// The description, with the spaces Python's `json` writes.
    fn state(&self) -> String {
        let FourBit { format, scales, .. } = &self.weight;
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let nested = match scales {
            FourBitScales::Plain(_) => String::new(),
            FourBitScales::Double { offset, .. } => format!(
                r#", "nested_blocksize": {DYNAMIC_BLOCK_SIZE}, "nested_dtype": "float32", "nested_offset": {:?}"#,
                f64::from(*offset)
            ),
        };
        format!(
            r#"{{"quant_type": "{}", "blocksize": {}, "dtype": {}, "shape": [{}]{nested}}}"#,
            format.kind.name(),
            format.block_size,
            serde_json::Value::from(self.dtype.as_str()),
            shape.join(", "),
        )
    }
}

fn check_length(suffix: &'static str, bytes: &[u8], expected: usize) -> Result<(), StoredError> {
    if bytes.len() == expected {
        Ok(())
    } else {
        Err(StoredError::Length { suffix, bytes: bytes.len(), expected })
    }
}

/// Values that differ by rounding alone are taken for the codebook's: versions compute them in
/// different ways.
fn check_codebook(kind: FourBitKind, values: &[f32]) -> Result<(), StoredError> {
    let are_same = |(value, known): (&f32, &f32)| (value - known).abs() <= 2.0 * f32::EPSILON;
    if values.iter().zip(kind.codebook()).all(are_same) {
        Ok(())
    } else {
        Err(StoredError::Codebook { kind: kind.name() })
    }
}

fn floats(suffix: &'static str, bytes: &[u8], count: usize) -> Result<Vec<f32>, StoredError> {
    check_length(suffix, bytes, 4 * count)?;
    Ok(bytes.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect())
}

fn bytes_tensor(suffix: &str, bytes: Vec<u8>) -> StoredTensor {
    StoredTensor {
        suffix: suffix.to_owned(),
        dtype: StoredDtype::U8,
        shape: vec![bytes.len()],
        bytes,
    }
}

fn floats_tensor(suffix: &str, values: &[f32]) -> StoredTensor {
    StoredTensor {
        suffix: suffix.to_owned(),
        dtype: StoredDtype::F32,
        shape: vec![values.len()],
        bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}
