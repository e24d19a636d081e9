//! A model with a graph in each of the operators that hold one.

use std::path::Path;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{GraphProto, ModelProto};
use olive_kit_onnx::{GraphBuilder, Node, raw_tensor, value_info, write_model};

/// Writes the model to `model.onnx` in `folder`.
///
/// Numbers of nodes: `double` 0, `choose` 1, in its branches 2 and 3, `turns` 4, in its body 5 and
/// 6, `rows` 7, in its body 8, `last` 9, `unused` 10. Graphs: branches 1 and 2, bodies 3 and 4.
pub(super) fn write(folder: &Path) {
    let float = DataType::Float;
    let mut graph = GraphBuilder::new("main");
    graph.input("x", float, &["batch".into(), 2.into()]);
    graph.input("c", DataType::Bool, &[]);
    graph.output("y", float, &["batch".into(), 2.into()]);
    graph.node(Node::new("Mul", "double").inputs(["x", "w"]).outputs(["m"]));
    let then = body(&[], &["t"], [Node::new("Relu", "then").inputs(["m"]).outputs(["t"])]);
    let other = body(&[], &["e"], [Node::new("Add", "else").inputs(["m", "w"]).outputs(["e"])]);
    graph.node(
        Node::new("If", "choose")
            .inputs(["c"])
            .outputs(["z"])
            .attribute("then_branch", then)
            .attribute("else_branch", other),
    );
    let turn = body(
        &["i", "go", "v"],
        &["on", "u"],
        [
            Node::new("Identity", "keep").inputs(["go"]).outputs(["on"]),
            Node::new("Add", "step").inputs(["v", "m"]).outputs(["u"]),
        ],
    );
    graph.node(
        Node::new("Loop", "turns").inputs(["n", "", "z"]).outputs(["l"]).attribute("body", turn),
    );
    let row = body(&["r"], &["q"], [Node::new("Mul", "row").inputs(["r", "w"]).outputs(["q"])]);
    graph.node(
        Node::new("Scan", "rows")
            .inputs(["l"])
            .outputs(["s"])
            .attribute("num_scan_inputs", 1_i64)
            .attribute("body", row),
    );
    graph.node(Node::new("Softmax", "last").inputs(["s"]).outputs(["y"]).attribute("axis", -1_i64));
    graph.node(Node::new("Relu", "unused").inputs(["h"]).outputs(["nothing"]));
    let weights = vec![
        raw_tensor("w", float, &[2], [2_f32, 3.0].into_iter().flat_map(f32::to_le_bytes).collect()),
        raw_tensor("n", DataType::Int64, &[], 2_i64.to_le_bytes().to_vec()),
        raw_tensor("h", DataType::Float16, &[1], vec![0, 0x3c]),
    ];
    let mut graph = graph.finish(weights);
    graph.value_info = vec![value_info("m", float, Some(&["batch".into(), 2.into()]))];
    let mut model =
        ModelProto { ir_version: Some(10), graph: Some(graph), ..ModelProto::default() };
    model.set_opset("", 21);
    model.set_metadata("made", "here");
    write_model(&model, &folder.join("model.onnx")).unwrap();
}

fn body<const N: usize>(inputs: &[&str], outputs: &[&str], nodes: [Node; N]) -> GraphProto {
    let values =
        |names: &[&str]| names.iter().map(|name| value_info(name, DataType::Float, None)).collect();
    GraphProto {
        name: Some("body".to_owned()),
        input: values(inputs),
        output: values(outputs),
        node: nodes.into_iter().map(Node::into_proto).collect(),
        ..GraphProto::default()
    }
}
