//! Importing models from other file formats.
//!
//! The pass [`ImportGguf`] turns one GGUF file, as llama.cpp writes them, into a Hugging Face
//! folder. Weights are streamed: a few rows are read from the file, dequantized, put in the order
//! transformers uses, appended to the output and dropped.
//!
//! What the file holds and what becomes of it is known to `kit/gguf`; [write](mod@write) walks
//! through it.

mod pass;
mod config;
pub mod write;
mod error;

pub use config::{ImportGgufConfig, Layout, WeightType};
pub use error::ImportError;
pub use pass::ImportGguf;

olive_plugin_api::export_plugin! {
    passes: [ImportGguf]
}
