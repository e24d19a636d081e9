//! Decoder models in candle: fused operations with their backward, forward pass, generation.
//!
//! A [`Transformer`] holds the frozen weights of a checkpoint, as f32 on the CPU. It has two ways
//! forward:
//!
//! - **Training**: [`Transformer::hidden_states`] of a [`Batch`] with [`Adapters`], then
//!   [`Transformer::loss`]; `backward` on the mean gives the gradients of the adapters' factors.
//!   [`Transformer::loss_and_gradients`] does all of it layer by layer, in less memory.
//! - **Generation**: [`Transformer::decode`] of some tokens after those in a [`KvCache`].
//!
//! candle keeps the tape; what is on it are few operations of ours: RMS norm, linear layers frozen
//! or with LoRA, rotary attention, SwiGLU, and the loss over the vocabulary. Each has a
//! hand-derived backward that gives no gradient to frozen weights and keeps no scores, so that
//! memory is bounded by the activations between them. Products are the `gemm` crate's, loops are
//! parallel through rayon's global pool.
//!
//! This crate knows no tokenizer, no optimizer and no file but the checkpoint's.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use olive_kit_checkpoint::{Adapter, Checkpoint};
//! use olive_kit_decoder::{Adapters, Batch, Transformer};
//!
//! let transformer = Transformer::load(&Checkpoint::open("models/phi-3-mini")?)?;
//! let adapters = Adapters::from_peft(&Adapter::open("adapter")?)?;
//! let batch = Batch::causal(vec![1, 15, 27, 2], 1);
//! let hidden = transformer.hidden_states(&batch, &adapters, None)?;
//! let loss = transformer.loss(&hidden, &batch)?;
//! println!("{} over {} tokens", loss.mean.to_scalar::<f32>()?, loss.count);
//! # Ok(())
//! # }
//! ```

pub mod engine;
pub mod transformer;
pub mod batch;
pub mod adapters;
pub mod dropout;
mod layer;
mod linear;
mod checkpointing;
mod generation;
pub mod cache;
mod rotary;
mod attention;
mod ops;
mod values;
mod weight;
pub mod error;

pub use adapters::{Adapters, LoraLayer};
pub use batch::Batch;
pub use cache::KvCache;
pub use dropout::Dropout;
pub use engine::{Engine, Objective};
pub use error::DecoderError;
pub use generation::Positions;
pub use transformer::{Loss, Transformer};
