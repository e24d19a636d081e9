//! Matrices in blocks: their bytes, what they stand for, and how fast they are made.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod matmul_nbits;
mod random_matrices;
mod round_trip;
