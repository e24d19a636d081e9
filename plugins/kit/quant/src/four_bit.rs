//! 4-bit codebook weights, as bitsandbytes stores them.
//!
//! Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs" (2023).

use std::ops::Range;

/// The sixteen values a code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FourBitKind {
    /// Quantiles of a normal distribution.
    Nf4,
    /// A float of one sign, two exponent and one mantissa bit.
    Fp4,
}

/// How weights become codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FourBitFormat {
    /// The codebook.
    pub kind: FourBitKind,
    /// Neighbouring weights that share a scale, over row ends; 64 in bitsandbytes.
    pub block_size: usize,
    /// Whether scales are themselves 8-bit codes.
    pub double_quantized: bool,
}

/// Weights as codes and scales.
#[derive(Debug, Clone, PartialEq)]
pub struct FourBit {
    /// How they were made.
    pub format: FourBitFormat,
    /// Number of weights.
    pub len: usize,
    /// Two codes a byte, the first in the high nibble.
    pub packed: Vec<u8>,
    /// Scale of each block.
    pub scales: FourBitScales,
}

/// Scales of blocks, the largest magnitude in each.
#[derive(Debug, Clone, PartialEq)]
pub enum FourBitScales {
    /// As they are.
    Plain(Vec<f32>),
    /// `codebook[code] * scale[block / 256] + offset`.
    Double {
        /// One code a block of weights.
        codes: Vec<u8>,
        /// Scale of each 256 codes.
        scales: Vec<f32>,
        /// Mean of the scales.
        offset: f32,
    },
}

impl FourBit {
    /// Rounds `values` to the nearest codes.
    pub fn quantize(_values: &[f32], _format: FourBitFormat) -> Self {
        unimplemented!()
    }

    /// Writes the weights in `range` into `into`.
    ///
    /// # Panics
    /// When `range` leaves the weights or `into` has another length.
    pub fn dequantize(&self, _range: Range<usize>, _into: &mut [f32]) {
        unimplemented!()
    }
}
