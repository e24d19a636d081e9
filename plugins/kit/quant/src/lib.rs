//! Weight quantization: grids, rounding and packed layouts.
//!
//! [`BlockQuantized`] holds a matrix in the layout of ONNX Runtime's `MatMulNBits`: blocks of
//! neighboring weights of one row share a scale and, unless symmetric, a zero point. The two
//! [`Rounding`]s reproduce, byte for byte, what ONNX Runtime's `MatMulNBitsQuantizer` writes.
//!
//! [`FourBit`] holds weights as QLoRA trains on them, in the codes of bitsandbytes, and
//! [`DynamicCodes`] what 8-bit optimizers keep of their states.
//!
//! ```
//! use olive_kit_quant::{Bits, BlockFormat, BlockQuantized, Rounding};
//!
//! let format = BlockFormat { bits: Bits::Four, block_size: 32, is_symmetric: true };
//! let weights: Vec<f32> = (0..64_i16).map(|index| f32::from(index - 20)).collect();
//! let (rows, columns) = (2, 32);
//! let codes =
//!     BlockQuantized::from_weights(&weights, rows, columns, format, Rounding::Default).unwrap();
//! assert_eq!(codes.qweight.len(), weights.len() / 2);
//! assert_eq!(codes.scales.len(), 2);
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
mod grid;
mod mlas;
mod neural_compressor;
mod pack;

pub use bitsandbytes::{StoredDtype, StoredError, StoredFourBit, StoredTensor};
pub use block::{BlockQuantized, Rounding};
pub use codebook::FourBitKind;
pub use dynamic::{DYNAMIC_BLOCK_SIZE, DynamicCodes};
pub use error::QuantError;
pub use four_bit::{FourBit, FourBitFormat, FourBitScales};
pub use grid::{Bits, BlockFormat};
