//! Importing models from other file formats, and exporting them.
//!
//! The pass [`ImportGguf`] turns one GGUF file, as llama.cpp writes them, into a Hugging Face
//! folder. Weights are streamed: a few rows are read from the file, dequantized, put in the order
//! transformers uses, appended to the output and dropped.
//!
//! The pass [`ConvertHfToGguf`] goes the other way.
//!
//! What the file holds and what becomes of it is known to `kit/gguf`; [write](mod@write) walks
//! through it.

mod pass;
mod config;
pub mod write;
pub mod export;
mod error;

pub use config::{ImportGgufConfig, Layout, WeightType};
pub use error::ImportError;
pub use export::{ConvertHfToGguf, ConvertHfToGgufConfig, OutType};
pub use pass::ImportGguf;

olive_plugin_api::export_plugin! {
    passes: [ImportGguf, ConvertHfToGguf]
}
