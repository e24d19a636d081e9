//! Decoder models on the CPU: training passes, generation.
//!
//! A [`Transformer`] holds the frozen weights of a checkpoint, packed as its [`Storage`] says: f32,
//! bf16 or 4-bit codes. It has three ways forward:
//!
//! - **Training**: as an [`Engine`], it gives the loss of a [`Batch`] and the gradients of
//!   everything [`Adapters`](olive_kit_adapters::Adapters) train.
//! - **Comparison**: [`Transformer::divergence`] from a [`Teacher`], whose gradients a
//!   [`GradientObserver`] sees at each linear layer.
//! - **Generation**: [`Transformer::decode`] of some tokens after those in a [`KvCache`].
//!
//! Who cannot have all layers in memory at once computes one at a time, a stage at a time, with
//! weights replaced in between: [`LayerStages`].
//!
//! There is no tape. The backward of each part is derived by hand and stands beside its forward:
//! frozen weights get no gradient, attention keeps no scores, norms and gates are computed again,
//! and all memory is used again by the next pass. Each is proved against finite differences, and
//! the whole against what transformers and PEFT give. Loops are parallel through rayon's current
//! pool; results are the same for the same number of threads.
//!
//! In reading order: a model ([`transformer`]), a pass over a batch (`training`), a layer with its
//! backward (`layer`), its parts. This crate knows no tokenizer, no optimizer and no file but the
//! checkpoint's.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use olive_kit_adapters::Adapters;
//! use olive_kit_checkpoint::Checkpoint;
//! use olive_kit_decoder::{Batch, Engine, Storage, Transformer};
//!
//! let checkpoint = Checkpoint::open("models/phi-3-mini")?;
//! let mut transformer = Transformer::load(&checkpoint, Storage::default())?;
//! let batch = Batch::causal(vec![1, 15, 27, 2], 1);
//! let loss = transformer.loss(&batch, &Adapters::none())?;
//! println!("{} over {} tokens", loss / batch.num_labels() as f64, batch.num_labels());
//! # Ok(())
//! # }
//! ```

pub mod engine;
pub mod transformer;
pub mod batch;
mod storage;
pub mod weights;
mod training;
pub mod stages;
mod layer;
mod linear;
mod input;
mod adapted;
pub mod norm;
mod gate;
mod heads;
mod attention;
mod softcap;
mod rotary;
mod vocabulary_loss;
pub mod divergence;
pub mod observer;
mod pass;
pub mod dropout;
pub mod fit;
mod workspace;
mod activations;
mod parts;
mod scratch;
mod rows;
mod generation;
pub mod cache;
pub mod error;
#[cfg(test)]
mod finite_differences;

pub use batch::Batch;
pub use cache::KvCache;
pub use divergence::{LogitsHead, Teacher};
pub use engine::{Engine, Objective};
pub use error::DecoderError;
pub use generation::Positions;
pub use norm::Norm;
pub use observer::{EmbeddingGradient, GradientObserver, LinearGradient};
pub use olive_kit_kernels::Precision;
pub use stages::{LayerStages, Sequences, StageRoom};
pub use storage::Storage;
pub use transformer::Transformer;
pub use weights::Weights;
