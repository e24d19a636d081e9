//! ONNX files: protobuf types, graph construction, external data.
//!
//! [`proto`] holds the types of the ONNX schema. A [`GraphBuilder`] gathers nodes and the types of
//! their values; an [`ExternalDataWriter`] streams tensors into the file beside the graph;
//! [`write_model`] puts the graph in place last, so that a graph on disk is always whole.
//!
//! A [`Model`] is what rewrites work on: the structure in memory, the weights by reference. It is
//! opened, checked, changed ([`Patch`], [`replace_uses`], [`sort`]) and written, and weights go from
//! file to file in pieces. What passes on models share stands here too: [`find_graph`],
//! [`copy_beside`], and the settings that say where weights go ([`settings_with_external_data`]).
//!
//! An [`OnnxAdapter`] is a file of weights for the inputs of a graph, as ONNX Runtime loads it.
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

pub mod proto;
mod access;
mod value;
mod node;
mod graph;
mod visit;
mod order;
mod edit;
mod model;
mod check;
mod write;
mod stream;
mod tensor_data;
mod location;
mod folder;
pub mod settings;
mod model_file;
mod external_data;
mod partial_file;
mod write_behind;
mod onnx_adapter;
mod error;

pub use access::encoded;
pub use check::GraphProblem;
pub use edit::{
    Patch, Uses, drop_dead_nodes, drop_unused_weights, rename_value, replace_inputs, replace_uses,
};
pub use error::OnnxError;
pub use external_data::{ExternalDataWriter, TensorWriter};
pub use folder::{copy_beside, data_files, find_graph};
pub use graph::GraphBuilder;
pub use location::external_file;
pub use model::{MakeWeight, Model};
pub use model_file::{read_model, write_model};
pub use node::{Attribute, Node};
pub use onnx_adapter::{AdapterParameter, AdapterProblem, OnnxAdapter};
pub use order::{label, needs, sort};
pub use tensor_data::{TensorData, is_external, tensor_bytes};
pub use value::{Dim, packed_bytes, raw_tensor, size_bytes, value_info};
pub use visit::{each_graph, each_graph_mut, subgraphs, subgraphs_mut};
pub use write::{DataPolicy, Progress};
