//! ONNX graphs without their weights, as sandboxed graph passes see them, and the edits they answer.
//!
//! Everything that can be pointed at has a number: graphs and nodes are counted through the whole
//! model from 0, a graph before its nodes, a node before the graphs inside it. The main graph is 0.
//! The numbers hold for all edits of one answer, whatever the edits before have done.
//!
//! ```
//! use olive_schemas::graph::{GraphEdit, GraphView};
//! use serde_json::json;
//!
//! let view: GraphView = serde_json::from_value(json!({
//!     "ir_version": 10,
//!     "opsets": {"": 21},
//!     "graph": {
//!         "inputs": [{"name": "x", "dtype": "FLOAT", "shape": ["batch", 4]}],
//!         "outputs": [{"name": "y"}],
//!         "nodes": [{"id": 0, "op_type": "Relu", "inputs": ["x"], "outputs": ["y"]}]
//!     }
//! }))
//! .unwrap();
//! let old = view.graph.outputs[0].name.clone();
//! let edit = GraphEdit::RenameValue { graph: 0, from: old, to: "result".into() };
//! assert_eq!(
//!     serde_json::to_value(edit).unwrap(),
//!     json!({"edit": "rename_value", "from": "y", "to": "result"})
//! );
//! ```

mod edit;
mod number;
mod find;

pub use edit::{GraphEdit, GraphEdits, NewNode};
pub use find::Uses;
pub use number::Number;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the form of [`GraphView`] and [`GraphEdit`] (semver).
pub const GRAPH_VERSION: &str = "0.1.0";
/// Bytes of the largest constant whose values are shown.
pub const SHOWN_BYTES: u64 = 1024;

/// An ONNX model without its weights.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GraphView {
    /// Version of the ONNX format.
    pub ir_version: i64,
    /// Program that made the model, and its version.
    pub producer: String,
    /// Operator set versions by domain; the domain of ONNX's own operators is the empty text.
    pub opsets: IndexMap<String, i64>,
    /// Metadata of the model.
    pub metadata: IndexMap<String, String>,
    /// Functions of the model, as `domain::name`; their bodies are not shown.
    pub functions: Vec<String>,
    /// The main graph.
    pub graph: GraphBody,
}

/// A graph: the main one, or one inside a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GraphBody {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Values that come in.
    pub inputs: Vec<ValueView>,
    /// Values that go out.
    pub outputs: Vec<ValueView>,
    /// What is known of values between nodes.
    pub values: Vec<ValueView>,
    /// Initializers.
    pub weights: Vec<TensorView>,
    /// Nodes, in an order in which they can run.
    pub nodes: Vec<NodeView>,
}

/// A value of a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValueView {
    /// Its name.
    pub name: String,
    /// Element type as ONNX spells it, such as `FLOAT` or `INT64`; missing when it is not known or
    /// the value is no tensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// Shape; missing when not even the rank is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<Dim>>,
}

/// Size of one axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Dim {
    /// A size.
    Size(i64),
    /// A name that stands for a size, such as `batch_size`; empty when the axis has neither.
    Name(String),
}

/// A tensor that is part of the model: an initializer, or the value of an attribute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TensorView {
    /// Its name; empty for most attributes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Element type as ONNX spells it.
    pub dtype: String,
    /// Sizes of its axes; none for a scalar.
    pub dims: Vec<i64>,
    /// Size of its elements in bytes; 0 for texts.
    #[serde(default)]
    pub bytes: u64,
    /// File beside the graph that holds the elements; missing when they are in the graph's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Elements in row-major order, of a tensor of numbers of at most [`SHOWN_BYTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Number>>,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeView {
    /// Its number.
    pub id: u32,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Operator.
    pub op_type: String,
    /// Domain of the operator; empty for ONNX's own.
    #[serde(default)]
    pub domain: String,
    /// Values it takes; an empty text stands for one that is left out.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Values it makes; an empty text stands for one that nobody wants.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// Attributes by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub attributes: IndexMap<String, Attribute>,
}

/// The value of an attribute, by its kind: `{"int": 1}`, `{"ints": [1, 2]}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// A whole number.
    Int(Number),
    /// A number.
    Float(Number),
    /// A text.
    String(String),
    /// A tensor.
    Tensor(TensorView),
    /// A graph. It can be seen and edited, but not be set.
    Graph(Box<GraphBody>),
    /// Whole numbers.
    Ints(Vec<Number>),
    /// Numbers.
    Floats(Vec<Number>),
    /// Texts.
    Strings(Vec<String>),
    /// Graphs. They can be seen and edited, but not be set.
    Graphs(Vec<GraphBody>),
    /// A kind that is not shown, by its name in ONNX; it cannot be set.
    Other(String),
}
