//! Weight quantization: grids, rounding and packed layouts.
//!
//! [`BlockQuantized`] holds a matrix in the layout of ONNX Runtime's `MatMulNBits`: blocks of
//! neighbouring weights of one row share a scale and, unless symmetric, a zero point. The two
//! [`Rounding`]s reproduce, byte for byte, what ONNX Runtime's `MatMulNBitsQuantizer` writes.

mod block;
mod error;
mod four_bit;
mod mlas;
mod neural_compressor;
mod pack;

pub use block::{Bits, BlockFormat, BlockQuantized, Rounding};
pub use error::QuantError;
pub use four_bit::{FourBit, FourBitFormat, FourBitKind, FourBitScales};
