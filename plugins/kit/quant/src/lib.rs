//! Weight quantization: grids, rounding and packed layouts.
//!
//! [`BlockQuantized`] holds a matrix in the layout of ONNX Runtime's `MatMulNBits`: blocks of
//! neighbouring weights of one row share a scale and, unless symmetric, a zero point. The two
//! [`Rounding`]s reproduce, byte for byte, what ONNX Runtime's `MatMulNBitsQuantizer` writes.
//!
//! [`FourBit`] holds weights as QLoRA trains on them, in the codes of bitsandbytes, and
//! [`DynamicCodes`] what 8-bit optimizers keep of their states.

mod bitsandbytes;
mod block;
mod codebook;
mod dynamic;
mod error;
mod four_bit;
mod mlas;
mod neural_compressor;
mod pack;

pub use bitsandbytes::{StoredDtype, StoredError, StoredFourBit, StoredTensor};
pub use block::{Bits, BlockFormat, BlockQuantized, Rounding};
pub use dynamic::{DYNAMIC_BLOCK_SIZE, DynamicCodes};
pub use error::QuantError;
pub use four_bit::{FourBit, FourBitFormat, FourBitKind, FourBitScales};
