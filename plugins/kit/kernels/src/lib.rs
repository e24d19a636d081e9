//! Kernels: products with frozen weights and vector loops, at the processor's rate.
//!
//! - [`FrozenMatrix`] holds a weight that never changes, as f32, bf16 or 4-bit codes, packed once
//!   for the products of a forward (`x W^T`) and a backward (`dy W`).
//! - [`product`] multiplies matrices that do change: adapters, attention.
//! - [`vector`] has the loops over slices.
//!
//! Products in bf16 round both sides to bf16, nearest even, and sum in f32.

mod blocks;
mod codes;
mod frozen;
mod inner;
mod instructions;
mod kernel;
mod lines;
mod pack;
mod packed;
pub mod product;
pub mod vector;

pub use frozen::{Accumulate, FrozenMatrix, Precision};
pub use packed::Packed;
