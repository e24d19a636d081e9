//! Evaluation and generation for checkpoints, with or without an adapter on top, and previews of
//! data as they see it.
//!
//! `olive-kit-inference` runs a decoder in f32 on the CPU with its key-value cache; metrics and
//! generation are those of `olive-kit-measure`, so that a checkpoint and the ONNX model made of it
//! are compared by the same code. Peak memory is the model in f32, the cache, and the logits of one
//! row of data; with a reference model, twice that.

pub mod evaluator;
pub mod generator;
pub mod previewer;
mod threads;
pub mod error;

use evaluator::CheckpointEvaluator;
use generator::CheckpointGenerator;
use olive_plugin_api::export_plugin;
use previewer::DataPreviewer;

export_plugin! {
    evaluators: [CheckpointEvaluator],
    generators: [CheckpointGenerator],
    previewers: [DataPreviewer],
}
