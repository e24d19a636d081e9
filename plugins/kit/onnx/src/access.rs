//! What nodes and values say, without the optional fields of protobuf between.

use prost::Message as _;

use crate::node::Attribute;
use crate::proto::tensor_proto::DataType;
use crate::proto::type_proto::{self, Value};
use crate::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, TensorShapeProto};
use crate::proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto, ValueInfoProto};

/// A node as protobuf, which is the same for nodes that say the same.
pub fn encoded(node: &NodeProto) -> Vec<u8> {
    node.encode_to_vec()
}

impl NodeProto {
    /// Whether the node is ONNX's own operator `op_type`.
    pub fn is(&self, op_type: &str) -> bool {
        self.op_type() == op_type && matches!(self.domain(), "" | "ai.onnx")
    }

    /// Whether the node is ONNX Runtime's own operator `op_type`.
    pub fn is_microsoft(&self, op_type: &str) -> bool {
        self.op_type() == op_type && self.domain() == crate::Node::MICROSOFT
    }

    /// Name of the input at `index`, empty when it is left out.
    pub fn input_at(&self, index: usize) -> &str {
        self.input.get(index).map_or("", String::as_str)
    }

    /// Name of the output at `index`, empty when it is left out.
    pub fn output_at(&self, index: usize) -> &str {
        self.output.get(index).map_or("", String::as_str)
    }

    /// The attribute `name`.
    pub fn attribute_named(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|attribute| attribute.name() == name)
    }

    /// The integer attribute `name`.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.attribute_named(name).map(AttributeProto::i)
    }

    /// The number attribute `name`.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.attribute_named(name).map(AttributeProto::f)
    }

    /// The integers of the attribute `name`; none when it is left out.
    pub fn ints(&self, name: &str) -> &[i64] {
        self.attribute_named(name).map_or(&[], |attribute| &attribute.ints)
    }

    /// The tensor attribute `name`.
    pub fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attribute_named(name).and_then(|attribute| attribute.t.as_ref())
    }

    /// Sets the attribute `name`, in its place when it is there.
    pub fn set(&mut self, name: &str, value: impl Into<Attribute>) {
        let attribute = value.into().named(name);
        match self.attribute.iter_mut().find(|old| old.name() == name) {
            Some(old) => *old = attribute,
            None => self.attribute.push(attribute),
        }
    }
}

impl ValueInfoProto {
    /// Type of the elements, when the value is a tensor of a known one.
    pub fn dtype(&self) -> Option<DataType> {
        match self.r#type.as_ref()?.value.as_ref()? {
            Value::TensorType(tensor) => DataType::try_from(tensor.elem_type()).ok(),
            _ => None,
        }
    }

    /// Shape of the value, when it is a tensor of known rank.
    pub fn shape(&self) -> Option<&TensorShapeProto> {
        match self.r#type.as_ref()?.value.as_ref()? {
            Value::TensorType(tensor) => tensor.shape.as_ref(),
            _ => None,
        }
    }

    /// The tensor type of the value, when it is a tensor.
    pub fn tensor_mut(&mut self) -> Option<&mut type_proto::Tensor> {
        match self.r#type.as_mut()?.value.as_mut()? {
            Value::TensorType(tensor) => Some(tensor),
            _ => None,
        }
    }
}

impl GraphProto {
    /// What is said of the value `name`: as an input, an output, or between.
    pub fn value_named(&self, name: &str) -> Option<&ValueInfoProto> {
        let mut all = self.input.iter().chain(&self.output).chain(&self.value_info);
        all.find(|value| value.name() == name)
    }
}

impl ModelProto {
    /// Sets the version of the operators of `domain`.
    pub fn set_opset(&mut self, domain: &str, version: i64) {
        match self.opset_import.iter_mut().find(|opset| opset.domain() == domain) {
            Some(opset) => opset.version = Some(version),
            None => self.opset_import.push(OperatorSetIdProto {
                domain: Some(domain.to_owned()),
                version: Some(version),
            }),
        }
    }

    /// Sets the metadata `key`.
    pub fn set_metadata(&mut self, key: &str, value: &str) {
        match self.metadata_props.iter_mut().find(|entry| entry.key() == key) {
            Some(entry) => entry.value = Some(value.to_owned()),
            None => self.metadata_props.push(StringStringEntryProto {
                key: Some(key.to_owned()),
                value: Some(value.to_owned()),
            }),
        }
    }
}
