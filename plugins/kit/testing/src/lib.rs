//! Fixtures and reference numbers, for the tests of kits and plugins only.
//!
//! - [`fixture`], [`adapter_fixture`] and [`adapter_folders`] find what `tests/fixtures` and `kit/adapters` hold;
//! - [`write_packed_model`] makes whole checkpoints of the packed fixtures;
//! - [`Tensors`] reads a file of reference numbers by another way than the code under test;
//! - [`random`] makes numbers, and [`largest_difference`] compares them;
//! - [`request`] and [`evaluation`] are what the host sends to a plugin;
//! - `write_random_model` makes large models, and `engines` is the suite that every engine must
//!   pass (feature `engines`);
//! - `gguf` makes GGUF files (feature `gguf`);
//! - `graphs` runs ONNX graphs in ONNX Runtime (feature `onnxruntime`).
//!
//! What does not fit panics: it fails the test.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

#[cfg(feature = "engines")]
pub mod engines;
#[cfg(feature = "gguf")]
pub mod gguf;
#[cfg(feature = "onnxruntime")]
pub mod graphs;
#[cfg(feature = "engines")]
mod models;
mod numbers;
mod packed;
mod places;
mod requests;
mod tensors;

#[cfg(feature = "engines")]
pub use models::write_random_model;
pub use numbers::{largest_difference, random, random_tokens};
pub use packed::write_packed_model;
pub use places::{
    DENSE_MODELS, QUANTIZED_MODELS, adapter_fixture, adapter_folders, file_names, fixture,
};
pub use requests::{evaluation, request, tone};
pub use tensors::Tensors;
