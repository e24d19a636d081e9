//! Writing decoder models as ONNX graphs for ONNX Runtime and ONNX Runtime GenAI.
//!
//! The pass [`ModelBuilder`] reads a checkpoint, its adapter merged, or a GGUF file, and writes the
//! folder that the model builder of ONNX Runtime GenAI 0.18 writes for an execution provider: the
//! same nodes, the same initializers, the same bytes of quantized weights. Weights are streamed:
//! each is read from its source, transposed or quantized, appended to the external data and dropped.
//!
//! From the top: [`build()`] is the whole job; the [graph](mod@graph) is planned without reading a
//! weight, then the [weights] it asks for are written in the planned order.

mod pass;
mod config;
mod spelling;
mod known;
mod advice;
mod offers;
pub mod options;
pub mod target;
pub mod layout;
pub mod quantization;
mod adapter;
mod placement;
pub mod build;
mod source;
pub mod graph;
pub mod weights;
mod metadata;
mod genai_config;
mod tokenizer;
mod text;
mod error;

pub use build::{Progress, build};
pub use config::{AlgoConfig, ExtraOptions, ModelBuilderConfig, Precision};
pub use error::BuildError;
pub use options::BuildOptions;
pub use pass::ModelBuilder;
pub use spelling::{MatrixGroup, NodeNames, Operator, OperatorNames, Placement, Switch, Width};
pub use target::{Provider, Target};

olive_plugin_api::export_plugin! {
    passes: [ModelBuilder]
}
