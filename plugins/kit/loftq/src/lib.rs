//! `LoftQ`: weights in 4 bits and the low-rank adapters that make up for their rounding.
//!
//! - [`loftq()`] turns a weight `W` into codes `Q` and an adapter with `W ≈ Q + B A`.
//! - [`LowRank::nearest`] finds the matrix of a rank that is nearest to another: the adapter of the
//!   rounding error.

mod eigen;
mod loftq;
mod low_rank;
mod orthonormal;

pub use loftq::{Loftq, loftq};
pub use low_rank::LowRank;
