//! The pass on the tiny fixtures, against what ONNX Runtime GenAI's own builder made of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adapters;
mod activations;
mod packed;
mod embedding;
mod builder;
mod families;
mod targets;
mod neural_compressor;
mod options;
mod parts;
mod metadata;
mod schema;
mod pass;
mod sources;
mod promises;
mod reference;
mod runtime;
mod support;
