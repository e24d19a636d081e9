//! Weights of a decoder, whatever they are stored in: what writes a model in another form reads
//! it from here.
//!
//! A [`WeightSource`] says what the model is and gives rows of its weights by the names, types and
//! values they have in a checkpoint, or would have: whether the checkpoint is ever written makes
//! no difference to who reads. [`CheckpointWeights`] is the plain one.

mod source;
mod rows;
mod files;
mod checkpoint;
mod error;

pub use checkpoint::CheckpointWeights;
pub use error::WeightError;
pub use files::ModelFiles;
pub use rows::StoredRows;
pub use source::WeightSource;
