//! Why weights could not be quantized.

/// Why weights could not be quantized.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantError {
    /// The block size is none `MatMulNBits` knows.
    #[error("block size {0} is not 16, 32, 64, 128 or 256")]
    BlockSize(usize),
    /// The block size is none bitsandbytes knows.
    #[error("block size {0} is not a power of two from 32 to 4096")]
    FourBitBlockSize(usize),
    /// Only the default rounding stores bf16 scales.
    #[error("`rtn` and `k_quant` do not quantize bf16 weights")]
    Bf16,
    /// Values and shape disagree.
    #[error("{values} values do not fill a matrix of {n} rows and {k} columns")]
    Shape {
        /// Number of values given.
        values: usize,
        /// Rows claimed.
        n: usize,
        /// Columns claimed.
        k: usize,
    },
    /// A weight is infinite or not a number.
    #[error("row {row} holds a weight that is not finite")]
    NotFinite {
        /// Such a row of the matrix.
        row: usize,
    },
    /// A value is infinite or not a number.
    #[error("value {index} is not finite")]
    NotFiniteAt {
        /// Where it is.
        index: usize,
    },
}
