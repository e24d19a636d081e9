//! Why weights could not be quantized.

/// Why weights could not be quantized.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantError {
    /// The block size is none `MatMulNBits` knows.
    #[error("block size {0} is not 16, 32, 64, 128 or 256")]
    BlockSize(usize),
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
        /// First such row of the matrix.
        row: usize,
    },
}
