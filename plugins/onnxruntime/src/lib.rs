//! Evaluation, generation and optimization of ONNX models through ONNX Runtime.
//!
//! The runtime is a library of its own, found and loaded by [`library`]; [`provider`] chooses what
//! computes; [`model`] runs a decoder graph with its key-value cache; metrics and generation are
//! those of `olive-kit-measure`. A pass writes graphs as the runtime's own optimizer leaves them.

pub mod evaluator;
pub mod generator;
mod optimizer;
mod opened;
pub mod provider;
pub mod model;
mod signature;
mod assignment;
mod cache;
pub mod genai_config;
mod files;
pub mod library;
pub mod places;
pub mod error;

use evaluator::OnnxRuntimeEvaluator;
use generator::OnnxRuntimeGenerator;
use olive_plugin_api::export_plugin;

pub use optimizer::{OptLevel, OrtTransformersOptimization, OrtTransformersOptimizationConfig};

export_plugin! {
    passes: [OrtTransformersOptimization],
    evaluators: [OnnxRuntimeEvaluator],
    generators: [OnnxRuntimeGenerator]
}
