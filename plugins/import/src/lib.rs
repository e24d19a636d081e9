//! Importing models from other file formats.
//!
//! The pass [`ImportGguf`] turns one GGUF file, as llama.cpp writes them, into a Hugging Face
//! folder. Weights are streamed: a few rows are read from the file, dequantized, put in the order
//! transformers uses, appended to the output and dropped.
//!
//! From the top: the pass opens the [gguf] file and writes config and [tokenizer], then
//! [weights] follows a [plan] of which tensor is made of which.

mod pass;
mod config;
pub mod gguf;
mod tensor_type;
pub mod llama;
pub mod tokenizer;
pub mod plan;
pub mod weights;
mod error;

pub use config::{ImportGgufConfig, Layout, WeightType};
pub use error::ImportError;
pub use pass::ImportGguf;

olive_plugin_api::export_plugin! {
    passes: [ImportGguf]
}
