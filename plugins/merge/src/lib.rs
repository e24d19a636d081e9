//! Folding adapters into their base model.
//!
//! The pass [`MergeAdapterWeights`] reads a checkpoint and a PEFT adapter and writes the checkpoint
//! that computes the same without the adapter. Weights are streamed: a block of rows is read from
//! the memory map, merged, appended to the output and dropped.
//!
//! What each tensor is made of is known to `kit/merge`; [write](mod@write) walks through them.

mod pass;
mod config;
pub mod write;
mod error;

pub use config::MergeAdapterWeightsConfig;
pub use error::StepError;
pub use pass::MergeAdapterWeights;

olive_plugin_api::export_plugin! {
    passes: [MergeAdapterWeights]
}
