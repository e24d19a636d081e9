//! The passes `OnnxBlockWiseRtnQuantization` and `OnnxKQuantQuantization`: weights in few bits.
//!
//! In and out: a folder with an ONNX model. Constant matrices of `MatMul` become those of
//! `MatMulNBits`, tables of `Gather` those of `GatherBlockQuantized`. Weights are quantized while
//! they are written; memory is one of them, and its codes.

mod k_quant;
mod matrix;
mod rtn;
mod table;
mod weight;

pub use k_quant::{NodeFormat, OnnxKQuantQuantization, OnnxKQuantQuantizationConfig};
pub use rtn::{OnnxBlockWiseRtnQuantization, OnnxBlockWiseRtnQuantizationConfig};

use olive_kit_quant::{BlockFormat, Rounding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Width of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8", extend("enum" = [4, 8]))]
pub enum Bits {
    /// 16 steps, two codes a byte.
    Four,
    /// 256 steps.
    Eight,
}

impl Bits {
    pub(crate) const fn count(self) -> u8 {
        match self {
            Self::Four => 4,
            Self::Eight => 8,
        }
    }
}

impl TryFrom<u8> for Bits {
    type Error = String;

    fn try_from(bits: u8) -> Result<Self, String> {
        match bits {
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            other => Err(format!("weights of {other} bits are not written; 4 and 8 are")),
        }
    }
}

impl From<Bits> for u8 {
    fn from(bits: Bits) -> Self {
        bits.count()
    }
}

impl From<Bits> for olive_kit_quant::Bits {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::Four => Self::Four,
            Bits::Eight => Self::Eight,
        }
    }
}

/// How one matrix is quantized.
#[derive(Debug, Clone, Copy)]
struct Plan {
    format: BlockFormat,
    rounding: Rounding,
    accuracy_level: u8,
}
