//! Weights of a decoder, whatever they are stored in: what writes a model in another form reads
//! it from here.
//!
//! A [`WeightSource`] says what the model is and gives rows of its weights by the names, types and
//! values they have in a checkpoint, or would have: whether the checkpoint is ever written makes
//! no difference to who reads. [`CheckpointWeights`] are those of a folder, [`PackedWeights`] those
//! that GPTQ, AWQ or Olive has packed, [`MergedWeights`] those with an adapter merged or 4-bit codes
//! made floats, [`GgufWeights`] those of a GGUF file.

mod open;
mod source;
mod rows;
mod files;
mod checkpoint;
mod packed;
mod merged;
mod gguf;
mod error;

pub use checkpoint::CheckpointWeights;
pub use error::WeightError;
pub use files::ModelFiles;
pub use gguf::GgufWeights;
pub use merged::MergedWeights;
pub use open::{open_checkpoint, open_gguf};
pub use packed::PackedWeights;
pub use rows::StoredRows;
pub use source::WeightSource;
