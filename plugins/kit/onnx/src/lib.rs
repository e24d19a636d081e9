//! ONNX files: protobuf types, graph construction, external data.
//!
//! [`proto`] holds the types of the ONNX schema. A [`GraphBuilder`] gathers nodes and the types of
//! their values; an [`ExternalDataWriter`] streams tensors into the file beside the graph;
//! [`write_model`] puts the graph in place last, so that a graph on disk is always whole.
//!
//! Nothing here depends on time or order of hashing: same calls, same bytes.

mod error;
mod external_data;
mod graph;
mod model_file;
mod node;
mod partial_file;
pub mod proto;
mod value;

pub use error::OnnxError;
pub use external_data::{ExternalDataWriter, TensorWriter, tensor_bytes};
pub use graph::GraphBuilder;
pub use model_file::{read_model, write_model};
pub use node::{Attribute, Node};
pub use value::{Dim, raw_tensor, size_bytes, value_info};
