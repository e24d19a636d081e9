//! Folding adapters into their base model.
//!
//! The pass [`MergeAdapterWeights`] reads a checkpoint and a PEFT adapter and writes the checkpoint
//! that computes the same without the adapter. Weights are streamed: a block of rows is read from
//! the memory map, merged, appended to the output and dropped.
//!
//! From the top: the pass reads both folders and says how far it is, [merge](mod@merge) decides
//! where each tensor of the output comes from and walks through them, [weight](mod@weight) merges
//! rows of one layer.

mod pass;
mod config;
pub mod merge;
pub mod weight;
mod error;

pub use config::MergeAdapterWeightsConfig;
pub use error::MergeError;
pub use pass::MergeAdapterWeights;

olive_plugin_api::export_plugin! {
    passes: [MergeAdapterWeights]
}
