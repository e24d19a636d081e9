//! Kernels: products with frozen weights and vector loops, at the processor's rate.
//!
//! - [`FrozenMatrix`] holds a weight that never changes, as f32, bf16 or 4-bit codes, packed once
//!   for the products of a forward (`x W^T`) and a backward (`dy W`).
//! - [`product`] multiplies matrices that do change: adapters, attention.
//! - [`vector`] has the loops over slices.
//!
//! Products in bf16 round both sides to bf16, nearest even, and sum in f32.
//!
//! Kernels are chosen when the first product is made: AVX-512 with or without BF16, AVX2 with FMA,
//! or plain loops. Where there are no instructions for bf16, what was rounded to it is multiplied
//! as f32. The environment variable `OLIVE_KERNELS` names others for a test (`avx512bf16`, `avx512`,
//! `avx2`, `portable`); it is ignored where the processor has none of that name.
//!
//! ```text
//! x, f32 ──Packed──▶ tiles of 14 rows ─┐
//!                                      ├─kernel─▶ y, f32, in tiles of 14 x 32
//! W ──FrozenMatrix─▶ panels of 32 ─────┘
//! ```
//!
//! Both sides are cut along the inner size into blocks, of which a panel stays in the cache of a
//! core; threads share out panels. Every value is summed in the order of inner indices, so that it
//! is the same bits for any number of threads and of rows.

mod blocks;
mod codes;
mod frozen;
mod inner;
mod instructions;
mod kernel;
mod lines;
mod matrix;
mod pack;
mod packed;
mod peak;
pub mod product;
pub mod vector;

pub use frozen::FrozenMatrix;
pub use matrix::{Accumulate, Matrix, MatrixMut, Precision, Threads};
pub use packed::Packed;
pub use peak::peak;
