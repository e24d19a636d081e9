//! Checkpoints as language models: what evaluators measure, and what they compare other models with.
//!
//! [`Opened`] is a checkpoint as a step finds it, with its adapter and its tokenizer; its model is a
//! [`CheckpointLanguageModel`], which runs in f32 on the CPU. Peak memory is the model in f32, the
//! cache, and the logits of what is asked at once.

pub mod opened;
pub mod model;
pub mod error;

pub use error::InferenceError;
pub use model::CheckpointLanguageModel;
pub use opened::Opened;
