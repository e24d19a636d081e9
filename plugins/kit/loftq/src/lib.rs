//! `LoftQ`: weights in 4 bits and the low-rank adapters that make up for their rounding.
//!
//! - [`loftq()`] turns a weight `W` into codes `Q` and an adapter with `W ≈ Q + B A`.
//! - [`LowRank::nearest`] finds the matrix of a rank that is nearest to another: the adapter of the
//!   rounding error.
//!
//! ```
//! use olive_kit_loftq::LowRank;
//!
//! // The second row is twice the first: rank 1 is all there is.
//! let matrix = [1.0, 2.0, 3.0, 2.0, 4.0, 6.0];
//! let LowRank { left, right } = LowRank::nearest(&matrix, 2, 3, 1);
//! for (index, value) in matrix.iter().enumerate() {
//!     let product = left[index / 3] * right[index % 3];
//!     assert!((product - value).abs() < 1e-5, "{product} is not {value}");
//! }
//! ```

mod eigen;
mod loftq;
mod low_rank;
mod orthonormal;

pub use loftq::{Loftq, loftq};
pub use low_rank::LowRank;
