//! Attributes as they are described outside of ONNX, and back; graphs in them are someone else's.

use olive_kit_onnx::Model;
use olive_kit_onnx::proto::AttributeProto;
use olive_kit_onnx::proto::attribute_proto::AttributeType;
use olive_schemas::graph::{Attribute, Number};

use super::describe;
use crate::error::RewriteError;

/// The value of an attribute that holds no graph.
///
/// # Errors
/// When the elements of a small tensor cannot be read.
pub(super) fn view(model: &Model, proto: &AttributeProto) -> Result<Attribute, RewriteError> {
    let number = |float: f32| Number::from(f64::from(float));
    let other = || Attribute::Other(kind(proto).as_str_name().to_owned());
    Ok(match kind(proto) {
        AttributeType::Int => Attribute::Int(proto.i().into()),
        AttributeType::Float => Attribute::Float(number(proto.f())),
        AttributeType::Ints => Attribute::Ints(proto.ints.iter().map(|&int| int.into()).collect()),
        AttributeType::Floats => {
            Attribute::Floats(proto.floats.iter().map(|&float| number(float)).collect())
        }
        // Bytes that are no text would not come back.
        AttributeType::String => match std::str::from_utf8(proto.s()) {
            Ok(text) => Attribute::String(text.to_owned()),
            Err(_) => other(),
        },
        AttributeType::Strings => {
            let texts = proto.strings.iter().map(|text| std::str::from_utf8(text));
            let texts: Result<_, _> = texts.map(|text| text.map(str::to_owned)).collect();
            texts.map_or_else(|_| other(), Attribute::Strings)
        }
        AttributeType::Tensor => match &proto.t {
            Some(tensor) => Attribute::Tensor(describe::tensor(model, tensor)?),
            None => other(),
        },
        AttributeType::Undefined
        | AttributeType::Graph
        | AttributeType::Graphs
        | AttributeType::Tensors
        | AttributeType::SparseTensor
        | AttributeType::SparseTensors
        | AttributeType::TypeProto
        | AttributeType::TypeProtos => other(),
    })
}

/// The attribute `name` with `value`.
///
/// # Errors
/// When the value is of a kind that cannot be set, or holds what ONNX cannot.
pub(super) fn proto(name: &str, value: &Attribute) -> Result<AttributeProto, String> {
    if name.is_empty() {
        return Err("an attribute has a name".to_owned());
    }
    let mut proto = AttributeProto { name: Some(name.to_owned()), ..AttributeProto::default() };
    let kind = match value {
        Attribute::Int(number) => {
            proto.i = Some(int(number)?);
            AttributeType::Int
        }
        Attribute::Float(number) => {
            proto.f = Some(float(number)?);
            AttributeType::Float
        }
        Attribute::Ints(numbers) => {
            proto.ints = numbers.iter().map(int).collect::<Result<_, _>>()?;
            AttributeType::Ints
        }
        Attribute::Floats(numbers) => {
            proto.floats = numbers.iter().map(float).collect::<Result<_, _>>()?;
            AttributeType::Floats
        }
        Attribute::String(text) => {
            proto.s = Some(text.clone().into_bytes());
            AttributeType::String
        }
        Attribute::Strings(texts) => {
            proto.strings = texts.iter().map(|text| text.clone().into_bytes()).collect();
            AttributeType::Strings
        }
        Attribute::Tensor(tensor) => {
            proto.t = Some(describe::tensor_proto(tensor)?);
            AttributeType::Tensor
        }
        Attribute::Graph(_) | Attribute::Graphs(_) => {
            return Err(format!("the attribute `{name}` is a graph, which cannot be set"));
        }
        Attribute::Other(kind) => {
            return Err(format!("the attribute `{name}` is of kind `{kind}`, which cannot be set"));
        }
    };
    proto.r#type = Some(kind.into());
    Ok(proto)
}

/// The kind of an attribute; that of old models, which do not say it, by what is there.
fn kind(proto: &AttributeProto) -> AttributeType {
    match proto.r#type() {
        AttributeType::Undefined if proto.t.is_some() => AttributeType::Tensor,
        AttributeType::Undefined if proto.s.is_some() => AttributeType::String,
        AttributeType::Undefined if proto.i.is_some() => AttributeType::Int,
        AttributeType::Undefined if proto.f.is_some() => AttributeType::Float,
        AttributeType::Undefined if !proto.ints.is_empty() => AttributeType::Ints,
        AttributeType::Undefined if !proto.floats.is_empty() => AttributeType::Floats,
        AttributeType::Undefined if !proto.strings.is_empty() => AttributeType::Strings,
        kind => kind,
    }
}

fn int(number: &Number) -> Result<i64, String> {
    number.as_i64().ok_or_else(|| format!("{} is no whole number of 64 bits", shown(number)))
}

#[expect(clippy::cast_possible_truncation, reason = "attributes are floats of 32 bits")]
fn float(number: &Number) -> Result<f32, String> {
    let double = number.as_f64().ok_or_else(|| format!("{} is no number", shown(number)))?;
    let float = double as f32;
    if double.is_finite() && !float.is_finite() {
        return Err(format!("{} is no float of 32 bits", shown(number)));
    }
    Ok(float)
}

fn shown(number: &Number) -> String {
    serde_json::to_string(number).unwrap_or_default()
}
