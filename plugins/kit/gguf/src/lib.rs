//! GGUF files, as llama.cpp writes them, read as the checkpoints they would be in transformers'
//! layout.
//!
//! A [`GgufModel`] is a file with its config, its tokenizer and a [plan] of which tensor of the
//! checkpoint is made of which; rows are read, dequantized and put in the order transformers uses
//! when they are asked for. The other way, [export] writes a checkpoint as such a file.

pub mod gguf;
mod tensor_type;
mod llama;
mod tokenizer;
pub mod plan;
mod model;
pub mod writer;
pub mod export;
mod error;

pub use error::GgufError;
pub use export::GgufExport;
pub use export::codes::Codes;
pub use export::quantize::FileType;
pub use gguf::Gguf;
pub use llama::Layout;
pub use model::GgufModel;
