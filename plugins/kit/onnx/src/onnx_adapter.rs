//! Adapters in files of their own, `.onnx_adapter`: what ONNX Runtime loads beside a graph.
//!
//! A graph whose weights of adapters are inputs takes them from such a file: `Adapters.load` of ONNX
//! Runtime GenAI, `LoraAdapter` of ONNX Runtime. The file is a flatbuffer with the identifier `TORT`
//! and this schema (ONNX Runtime's `adapter_schema.fbs`):
//!
//! ```text
//! table Parameter { name: string; dims: [int64]; data_type: int32; raw_data: [uint8]; }
//! table Adapter {
//!     format_version: int; adapter_version: int; model_version: int; parameters: [Parameter];
//! }
//! ```
//!
//! Files are written byte for byte as `onnxruntime.AdapterFormat.export_adapter` writes them.

mod write;
mod parse;

pub use parse::AdapterProblem;

use crate::proto::tensor_proto::DataType;

/// The one version of the format there is.
const FORMAT_VERSION: i32 = 1;
/// What every file has in its bytes 4 to 7.
const IDENTIFIER: [u8; 4] = *b"TORT";
/// Most bytes a file may have: offsets in it are of 32 bits with a sign.
const LIMIT: u64 = i32::MAX as u64;

/// What an `.onnx_adapter` file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnnxAdapter<'a> {
    /// Version of the adapter, for whoever made it.
    pub adapter_version: i32,
    /// Version of the model it is for, for whoever made it.
    pub model_version: i32,
    /// Its weights, in order.
    pub parameters: Vec<AdapterParameter<'a>>,
}

/// One weight of an adapter, for the input of the graph that has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterParameter<'a> {
    /// Name of the input.
    pub name: &'a str,
    /// Element type.
    pub dtype: DataType,
    /// Size along each axis.
    pub dims: Vec<i64>,
    /// Values, little-endian.
    pub bytes: &'a [u8],
}

#[cfg(test)]
mod tests;
