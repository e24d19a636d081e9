//! Weight quantization: grids, rounding and packed layouts.
//!
//! [`BlockQuantized`] holds a matrix in the layout of ONNX Runtime's `MatMulNBits`: blocks of
//! neighboring weights of one row share a scale and, unless symmetric, a zero point. The
//! [`Rounding`]s reproduce, byte for byte, what ONNX Runtime's `MatMulNBitsQuantizer` writes.
//!
//! [`Int4Matrix`] holds one in ONNX's own types of 4 bits, for `DequantizeLinear`
//! ([`Int4Matrix::for_matmul`]) or `GatherBlockQuantized` ([`Int4Matrix::for_gather`]).
//!
//! A [`PackedMatrix`] is one that GPTQ, AWQ or Olive has packed, on its way into that layout; a
//! [`CodeMatrix`] is one on its way into theirs.
//!
//! [`FourBit`] holds weights as QLoRA trains on them, in the codes of bitsandbytes, and
//! [`DynamicCodes`] what 8-bit optimizers keep of their states.
//!
//! ```
//! use olive_kit_quant::{Bits, BlockFormat, BlockQuantized, Rounding, ScaleType};
//!
//! let format = BlockFormat { bits: Bits::Four, block_size: 32, is_symmetric: true };
//! let weights: Vec<f32> = (0..64_i16).map(|index| f32::from(index - 20)).collect();
//! let (rows, columns) = (2, 32);
//! let (rounding, scale_type) = (Rounding::Default, ScaleType::F32);
//! let codes =
//!     BlockQuantized::from_weights(&weights, rows, columns, format, rounding, scale_type).unwrap();
//! assert_eq!(codes.qweight.len(), weights.len() / 2);
//! assert_eq!(codes.scales.len(), 2 * scale_type.size_bytes());
//! // A step of the second row is an eighth of its largest weight, 43.
//! let worst = weights.iter().zip(codes.dequantize()).map(|(w, q)| (w - q).abs());
//! assert!(worst.fold(0.0, f32::max) <= 43.0 / 8.0);
//! ```

mod bitsandbytes;
mod block;
mod codebook;
mod dynamic;
mod error;
mod four_bit;
mod gather;
mod grid;
mod int4;
mod mlas;
mod k_quant;
mod neural_compressor;
mod pack;
mod packed;
mod packing;
mod qdq;
mod range;
mod rows;
mod scale;

pub use bitsandbytes::{StoredDtype, StoredError, StoredFourBit, StoredTensor};
pub use block::{BlockQuantized, Rounding};
pub use codebook::FourBitKind;
pub use dynamic::{DYNAMIC_BLOCK_SIZE, DynamicCodes};
pub use error::QuantError;
pub use four_bit::{FourBit, FourBitFormat, FourBitScales};
pub use grid::{Bits, BlockFormat};
pub use int4::Int4Matrix;
pub use packed::{PackedMatrix, Packer};
pub use packing::CodeMatrix;
pub use scale::ScaleType;
