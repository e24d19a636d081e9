//! Rewriting ONNX graphs.
//!
//! Each pass takes a folder with an ONNX model and writes one with another graph; what else lies in
//! the folder (tokenizer, `genai_config.json`) comes along. Only structure is in memory: weights go
//! from file to file in pieces, or are computed while they are written.
//!
//! From the top: a pass hands its edit to `rewrite`, which opens, checks, sorts and
//! writes; `surgeons` holds the edits of `GraphSurgeries`, one file each, and `editor` does those
//! that are told from outside.
//!
//! Passes, settings and defaults are Olive's. Where Olive's result does not depend on it, names of
//! new nodes and values are Olive's too.

mod surgeries;
mod surgery;
mod surgeons;
mod peephole;
mod redundant;
mod neutral;
mod chains;
mod sequences;
mod fold;
mod equal_weights;
mod fixed_shape;
mod io_type;
mod op_version;
mod metadata;
mod qdq;
mod float16;
mod block_wise;
mod dynamic;
mod split;
mod extract;
mod editor;
mod rewrite;
mod shapes;
mod types;
mod packed;
mod constant;
mod numbers;
mod error;

pub use block_wise::{
    Bits, NodeFormat, OnnxBlockWiseRtnQuantization, OnnxBlockWiseRtnQuantizationConfig,
    OnnxKQuantQuantization, OnnxKQuantQuantizationConfig,
};
pub use dynamic::{
    CodeType, ExtraOptions, OnnxDynamicQuantization, OnnxDynamicQuantizationConfig, Quantizable,
};
pub use editor::OnnxGraphEditor;
pub use error::RewriteError;
pub use extract::{AdapterType, ExtractAdapters, ExtractAdaptersConfig, SaveFormat};
pub use fixed_shape::{DynamicToFixedShape, DynamicToFixedShapeConfig};
pub use float16::{KeptEnds, OnnxFloatToFloat16, OnnxFloatToFloat16Config};
pub use io_type::{OnnxIODataTypeConverter, OnnxIODataTypeConverterConfig};
pub use metadata::{AddOliveMetadata, AddOliveMetadataConfig};
pub use op_version::{OnnxOpVersionConversion, OnnxOpVersionConversionConfig};
pub use peephole::{OnnxPeepholeOptimizer, OnnxPeepholeOptimizerConfig};
pub use qdq::{MatMulNBitsToQDQ, MatMulNBitsToQDQConfig};
pub use split::{Assignments, SplitModel, SplitModelConfig};
pub use surgeries::{GraphSurgeries, GraphSurgeriesConfig};
pub use surgery::{Surgeon, Surgery};

olive_plugin_api::export_plugin! {
    passes: [
        GraphSurgeries,
        OnnxPeepholeOptimizer,
        DynamicToFixedShape,
        OnnxIODataTypeConverter,
        AddOliveMetadata,
        MatMulNBitsToQDQ,
        OnnxFloatToFloat16,
        OnnxBlockWiseRtnQuantization,
        OnnxKQuantQuantization,
        OnnxDynamicQuantization,
        OnnxOpVersionConversion,
        SplitModel,
        ExtractAdapters
    ],
    graph_editors: [OnnxGraphEditor]
}
