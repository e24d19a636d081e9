//! What `PackedAttention` computes, by ONNX's own operators: a token attends to those of its segment.

use std::path::Path;

use olive_kit_onnx::proto::attribute_proto::AttributeType;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{
    AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto,
};
use olive_kit_onnx::{Node, read_model, write_model};

/// Domain of the operator, for which ONNX Runtime has no kernel.
const DOMAIN: &str = "custom";

/// Writes the definition into the model at `path` when a node of it is of that domain.
pub(super) fn add(path: &Path) {
    let mut model = read_model(path).unwrap();
    let mut nodes = model.graph.iter().flat_map(|graph| &graph.node);
    if nodes.any(|node| node.domain() == DOMAIN) {
        model.functions = vec![packed_attention(&model)];
        write_model(&model, path).unwrap();
    }
}

fn packed_attention(model: &ModelProto) -> FunctionProto {
    let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let is_own = |opset: &&OperatorSetIdProto| opset.domain().is_empty();
    FunctionProto {
        name: Some("PackedAttention".to_owned()),
        domain: Some(DOMAIN.to_owned()),
        input: texts(&["query", "key", "value", "bounds"]),
        output: texts(&["result"]),
        attribute: texts(&["num_heads", "scale"]),
        node: [scores(), segments(), attention()].concat(),
        opset_import: model.opset_import.iter().filter(is_own).cloned().collect(),
        ..FunctionProto::default()
    }
}

/// How near queries and keys are, [batch, heads, length, length].
fn scores() -> Vec<NodeProto> {
    let mut scale = node("Constant", &[], "factor").into_proto();
    scale.attribute.push(AttributeProto {
        name: Some("value_float".to_owned()),
        ref_attr_name: Some("scale".to_owned()),
        r#type: Some(AttributeType::Float.into()),
        ..AttributeProto::default()
    });
    let turned = node("Transpose", &["key"], "columns").attribute("perm", vec![0, 1, 3, 2]);
    let products = node("MatMul", &["query", "columns"], "products");
    let scores = node("Mul", &["products", "factor"], "scores");
    let [turned, products, scores] = [turned, products, scores].map(Node::into_proto);
    vec![scale, turned, products, scores]
}

/// Which segment each token is of, by the bounds that are not behind it, [length].
fn segments() -> Vec<NodeProto> {
    let long = i64::from(i32::from(DataType::Int64));
    let nodes = [
        node("Constant", &[], "zero").attribute("value_int", 0),
        node("Constant", &[], "one").attribute("value_int", 1),
        node("Constant", &[], "first").attribute("value_ints", vec![0]),
        node("Constant", &[], "second").attribute("value_ints", vec![1]),
        node("Shape", &["query"], "sizes").attribute("start", 2).attribute("end", 3),
        node("Squeeze", &["sizes"], "length"),
        node("Range", &["zero", "length", "one"], "tokens"),
        node("Cast", &["bounds"], "starts").attribute("to", long),
        node("Unsqueeze", &["starts", "second"], "rows"),
        node("LessOrEqual", &["rows", "tokens"], "begun"),
        node("Cast", &["begun"], "counted").attribute("to", long),
        node("ReduceSum", &["counted", "first"], "segments").attribute("keepdims", 0),
    ];
    nodes.map(Node::into_proto).to_vec()
}

/// Values of the same segment, weighted, [batch, length, heads, width].
fn attention() -> Vec<NodeProto> {
    let nodes = [
        node("Unsqueeze", &["segments", "second"], "own"),
        node("Equal", &["own", "segments"], "same"),
        node("Constant", &[], "never").attribute("value_float", f32::NEG_INFINITY),
        node("Where", &["same", "scores", "never"], "seen"),
        node("Softmax", &["seen"], "weights").attribute("axis", -1),
        node("MatMul", &["weights", "value"], "heads"),
        node("Transpose", &["heads"], "result").attribute("perm", vec![0, 2, 1, 3]),
    ];
    nodes.map(Node::into_proto).to_vec()
}

fn node(operator: &str, inputs: &[&str], output: &str) -> Node {
    Node::new(operator, output).inputs(inputs.iter().copied()).outputs([output])
}
