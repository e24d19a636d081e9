//! Element types of the values of a graph, those that nothing says worked out from the operators.

use std::collections::HashMap;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{GraphProto, NodeProto};
use olive_kit_onnx::subgraphs;

use crate::numbers::dtype;
use crate::shapes::Shapes;

/// Types of the values of `graph` and of graphs inside its nodes, as far as they are known.
///
/// Nodes must be in order. A node of an operator that is not known gives what it takes first.
pub(crate) fn of(graph: &GraphProto) -> HashMap<String, DataType> {
    let mut types = HashMap::new();
    collect(graph, &mut types);
    types
}

fn collect(graph: &GraphProto, types: &mut HashMap<String, DataType>) {
    let said = Shapes::of(graph);
    let values = graph.input.iter().chain(&graph.output).chain(&graph.value_info);
    for value in values {
        if let Some(dtype) = value.dtype() {
            types.insert(value.name().to_owned(), dtype);
        }
    }
    for weight in &graph.initializer {
        types.insert(weight.name().to_owned(), dtype(weight));
    }
    for node in &graph.node {
        for inner in subgraphs(node) {
            collect(inner, types);
        }
        for (index, output) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let known = said.dtype(output).or_else(|| types.get(output).copied());
            if let Some(dtype) = known.or_else(|| made(node, index, types)) {
                types.insert(output.clone(), dtype);
            }
        }
    }
}

/// Type of the output `index` of `node`, by its operator.
fn made(node: &NodeProto, index: usize, types: &HashMap<String, DataType>) -> Option<DataType> {
    let input = |place: usize| types.get(node.input_at(place)).copied();
    let named = |name: &str| node.int(name).and_then(|to| i32::try_from(to).ok()?.try_into().ok());
    match (node.op_type(), index) {
        ("Cast", _) => named("to"),
        ("Constant" | "ConstantOfShape", _) => match node.tensor("value") {
            Some(value) => Some(dtype(value)),
            None if node.attribute_named("value_ints").is_some() => Some(DataType::Int64),
            None if node.attribute_named("value_int").is_some() => Some(DataType::Int64),
            None => Some(DataType::Float),
        },
        (
            "Shape" | "Size" | "ArgMax" | "ArgMin" | "NonZero" | "NonMaxSuppression"
            | "SequenceLength",
            _,
        )
        | ("TopK" | "MaxPool", 1)
        | ("Unique", 1..) => Some(DataType::Int64),
        ("DynamicQuantizeLinear", 0 | 2) => Some(DataType::Uint8),
        ("MatMulInteger" | "ConvInteger", _) => Some(DataType::Int32),
        ("QLinearMatMul" | "QLinearConv", _) => input(7),
        ("QAttention", _) => input(3),
        (
            "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor"
            | "Not" | "IsNaN" | "IsInf",
            _,
        )
        | ("Dropout", 1) => Some(DataType::Bool),
        ("Where" | "DequantizeLinear" | "CastLike", _) => input(1),
        ("OneHot" | "GatherBlockQuantized", _)
        | ("MatMulIntegerToFloat" | "EmbedLayerNormalization", 0) => input(2),
        ("QuantizeLinear", _) => input(2).or(Some(DataType::Uint8)),
        ("If", _) => {
            let branch = subgraphs(node).next()?;
            types.get(branch.output.get(index)?.name()).copied()
        }
        ("EyeLike" | "RandomNormal" | "RandomUniform" | "RandomNormalLike", _) => {
            named("dtype").or_else(|| input(0)).or(Some(DataType::Float))
        }
        _ => input(0),
    }
}
