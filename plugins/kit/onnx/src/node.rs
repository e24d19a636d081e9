//! Nodes and their attributes.

use crate::proto::attribute_proto::AttributeType;
use crate::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// A node under construction.
#[derive(Debug, Clone, PartialEq)]
pub struct Node(NodeProto);

/// Value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// An integer, also a flag or an element type.
    Int(i64),
    /// A number.
    Float(f32),
    /// Several integers.
    Ints(Vec<i64>),
    /// Several numbers.
    Floats(Vec<f32>),
    /// Text.
    String(String),
    /// A constant.
    Tensor(TensorProto),
    /// A branch or a body.
    Graph(GraphProto),
}

impl Node {
    /// Domain of ONNX Runtime's own operators.
    pub const MICROSOFT: &'static str = "com.microsoft";

    /// A node of ONNX's own operator `op_type`, still without inputs, outputs and attributes.
    pub fn new(op_type: &str, name: impl Into<String>) -> Self {
        Self(NodeProto {
            op_type: Some(op_type.to_owned()),
            name: Some(name.into()),
            ..NodeProto::default()
        })
    }

    /// The node with an operator of `domain`.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.0.domain = Some(domain.to_owned());
        self
    }

    /// The node with `inputs`; an empty name leaves an optional one out.
    #[must_use]
    pub fn inputs<S: Into<String>>(mut self, inputs: impl IntoIterator<Item = S>) -> Self {
        self.0.input.extend(inputs.into_iter().map(Into::into));
        self
    }

    /// The node with `outputs`; an empty name leaves an optional one out.
    #[must_use]
    pub fn outputs<S: Into<String>>(mut self, outputs: impl IntoIterator<Item = S>) -> Self {
        self.0.output.extend(outputs.into_iter().map(Into::into));
        self
    }

    /// The node with one attribute more.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: impl Into<Attribute>) -> Self {
        self.0.attribute.push(value.into().named(name));
        self
    }

    /// The finished node.
    #[must_use]
    pub fn into_proto(self) -> NodeProto {
        self.0
    }
}

impl Attribute {
    /// The attribute as a node carries it.
    pub fn named(self, name: &str) -> AttributeProto {
        let mut proto = AttributeProto { name: Some(name.to_owned()), ..AttributeProto::default() };
        let kind = match self {
            Self::Int(value) => {
                proto.i = Some(value);
                AttributeType::Int
            }
            Self::Float(value) => {
                proto.f = Some(value);
                AttributeType::Float
            }
            Self::Ints(values) => {
                proto.ints = values;
                AttributeType::Ints
            }
            Self::Floats(values) => {
                proto.floats = values;
                AttributeType::Floats
            }
            Self::String(text) => {
                proto.s = Some(text.into_bytes());
                AttributeType::String
            }
            Self::Tensor(tensor) => {
                proto.t = Some(tensor);
                AttributeType::Tensor
            }
            Self::Graph(graph) => {
                proto.g = Some(graph);
                AttributeType::Graph
            }
        };
        proto.r#type = Some(kind.into());
        proto
    }
}

impl From<i64> for Attribute {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f32> for Attribute {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<Vec<i64>> for Attribute {
    fn from(values: Vec<i64>) -> Self {
        Self::Ints(values)
    }
}

impl From<Vec<f32>> for Attribute {
    fn from(values: Vec<f32>) -> Self {
        Self::Floats(values)
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<TensorProto> for Attribute {
    fn from(tensor: TensorProto) -> Self {
        Self::Tensor(tensor)
    }
}

impl From<GraphProto> for Attribute {
    fn from(graph: GraphProto) -> Self {
        Self::Graph(graph)
    }
}
