//! Operations on candle's tape, each with its backward.
//!
//! Inputs are contiguous f32 `[rows, width]` tensors on the CPU.

pub(crate) mod rms_norm;
pub(crate) mod frozen_linear;
pub(crate) mod lora_linear;
pub(crate) mod attention;
pub(crate) mod swiglu;
pub(crate) mod vocabulary_loss;
mod rows;
#[cfg(test)]
pub(crate) mod finite_differences;
