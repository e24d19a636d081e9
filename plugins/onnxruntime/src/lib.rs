//! Evaluation, generation and optimization of ONNX models through ONNX Runtime.
//!
//! The runtime is a library of its own, found and loaded by [`library`]; [`provider`] chooses what
//! computes; [`model`] runs a decoder graph with its key-value cache; metrics and generation are
//! those of `olive-kit-measure`. One pass writes graphs as the runtime's own optimizer leaves them,
//! another finds how a model is run best.

pub mod evaluator;
pub mod generator;
mod optimizer;
mod tuning;
mod opened;
mod sessions;
pub mod model;
mod session;
pub mod provider;
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
pub use tuning::{OrtSessionParamsTuning, OrtSessionParamsTuningConfig};

export_plugin! {
    passes: [OrtTransformersOptimization, OrtSessionParamsTuning],
    evaluators: [OnnxRuntimeEvaluator],
    generators: [OnnxRuntimeGenerator]
}
