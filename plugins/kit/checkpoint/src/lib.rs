//! Checkpoints: what a model folder holds, read through memory maps and written by streaming.
//!
//! - [`Checkpoint::open`] reads `config.json` into a [`Decoder`] and maps the safetensors files;
//!   nothing is copied until a [`Tensor`] is asked for its values.
//! - [`Checkpoint::open_quantized`] takes checkpoints in bitsandbytes' 4 bits too, whose
//!   [`LinearWeight`]s are codes.
//! - [`PackedCheckpoint::open`] takes those whose linear layers GPTQ, AWQ or Olive has packed.
//! - [`CheckpointWriter`] and [`SafetensorsWriter`] write one tensor at a time, [`PackedWriter`] one
//!   packed layer.
//! - [`files`] knows what else belongs to a model: tokenizer, chat template, generation config.
//!
//! This crate knows no tensor library and computes nothing but conversions and
//! [rope](mod@rope) tables.
//!
//! ```no_run
//! # fn main() -> Result<(), olive_kit_checkpoint::CheckpointError> {
//! use olive_kit_checkpoint::Checkpoint;
//!
//! let checkpoint = Checkpoint::open("models/phi-3-mini")?;
//! checkpoint.validate()?;
//! for linear in checkpoint.decoder().linears(0) {
//!     let weight = checkpoint.linear(&linear)?;
//!     let values = weight.to_f32(); // [out_features, in_features]
//!     let largest = values.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
//!     assert!(largest.is_finite(), "{}", linear.name);
//! }
//! # Ok(())
//! # }
//! ```

pub mod decoder;
mod tensors;
mod features;
mod family;
pub mod rope;
mod checkpoint;
mod quantized;
mod packed;
mod linear_weight;
mod tensor;
mod dtype;
mod archive;
mod config;
mod rope_config;
mod fields;
mod writer;
mod checkpoint_writer;
mod packed_writer;
pub mod files;
mod error;

pub use archive::SafetensorsFile;
pub use checkpoint::{Checkpoint, Description};
pub use checkpoint_writer::{CheckpointWriter, DEFAULT_SHARD_BYTES};
pub use decoder::{Activation, Biases, Decoder, Family, WindowedLayers};
pub use dtype::Dtype;
pub use error::CheckpointError;
pub use features::Feature;
pub use linear_weight::LinearWeight;
pub use packed::{PackedCheckpoint, PackedLayer, PackedRows};
pub use packed_writer::{PackedSpec, PackedWriter};
pub use quantized::Quantization;
pub use tensor::Tensor;
pub use tensors::{LayerLinears, LayerNorms, Linear, LinearRole};
pub use writer::{SafetensorsWriter, StoredType, TensorSpec};
