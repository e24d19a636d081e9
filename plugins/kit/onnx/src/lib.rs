//! ONNX files: protobuf types, graph construction, external data.
//!
//! [`proto`] holds the types of the ONNX schema. A [`GraphBuilder`] gathers nodes and the types of
//! their values; an [`ExternalDataWriter`] streams tensors into the file beside the graph;
//! [`write_model`] puts the graph in place last, so that a graph on disk is always whole.
//!
//! Nothing here depends on time or order of hashing: same calls, same bytes.
//!
//! ```
//! use olive_kit_onnx::proto::ModelProto;
//! use olive_kit_onnx::proto::tensor_proto::DataType;
//! use olive_kit_onnx::{GraphBuilder, Node, read_model, write_model};
//!
//! let shape = [2.into(), 3.into()];
//! let mut graph = GraphBuilder::new("doubled");
//! graph.input("x", DataType::Float, &shape);
//! graph.output("y", DataType::Float, &shape);
//! graph.node(Node::new("Add", "twice").inputs(["x", "x"]).outputs(["y"]));
//! let model = ModelProto { graph: Some(graph.finish(Vec::new())), ..ModelProto::default() };
//!
//! let path = std::env::temp_dir().join(format!("doubled-{}.onnx", std::process::id()));
//! write_model(&model, &path).unwrap();
//! assert_eq!(read_model(&path).unwrap(), model);
//! std::fs::remove_file(path).unwrap();
//! ```

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
