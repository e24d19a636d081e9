//! What the editor shows, and that it leaves alone what nobody edits.

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{GraphProto, ModelProto};
use olive_kit_onnx::{GraphBuilder, Model, Node, each_graph, is_external, write_model};
use olive_plugin_api::GraphView;
use serde_json::json;

use super::{edit, input, lines, model, view};

#[test]
fn graphs_and_nodes_are_counted_from_the_outside() {
    let folder = tempfile::tempdir().unwrap();
    model::write(folder.path());
    let view = view(input(folder.path(), "model.onnx")).unwrap();
    let bodies = view.bodies();
    let graphs: Vec<u32> = bodies.iter().map(|body| body.id).collect();
    assert_eq!(graphs, [0, 1, 2, 3, 4]);
    let mut nodes: Vec<_> = bodies
        .iter()
        .flat_map(|body| &body.nodes)
        .map(|node| (node.id, node.name.as_str()))
        .collect();
    nodes.sort_unstable();
    let names = [
        "double", "choose", "then", "else", "turns", "keep", "step", "rows", "row", "last",
        "unused",
    ];
    assert_eq!(nodes, (0..).zip(names).collect::<Vec<_>>());
    assert_eq!(
        lines(&view)[..7],
        [
            "opset  21",
            "metadata made here",
            "0 input x: FLOAT[batch,2]",
            "0 input c: BOOL[]",
            "0 output y: FLOAT[batch,2]",
            "0 value m: FLOAT[batch,2]",
            "0 weight w: FLOAT[2] = [2.0,3.0]",
        ]
    );
}

#[test]
fn without_edits_every_graph_stays_the_same() {
    let mut graphs = 0;
    for path in fixtures() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let input = input(path.parent().unwrap(), name);
        let (_step, edited) = edit(input.clone(), &json!([])).unwrap();
        let (before, after) = (view(input).unwrap(), view(edited.clone()).unwrap());
        assert_eq!(before, after, "{name}");
        let written = edited.model_path.join(name);
        assert!(tensors(&path) == tensors(&written), "{name}: weights differ");
        let (_again, again) = edit(edited, &json!([])).unwrap();
        let again = again.model_path.join(name);
        assert!(fs::read(&written).unwrap() == fs::read(again).unwrap(), "{name}");
        graphs += 1;
    }
    assert!(graphs > 40, "{graphs} graphs");
}

#[test]
fn large_constants_have_no_values() {
    let folder = tempfile::tempdir().unwrap();
    let weight = |name: &str, count: usize| {
        let dims = [i64::try_from(count).unwrap()];
        olive_kit_onnx::raw_tensor(name, DataType::Uint8, &dims, vec![1; count])
    };
    let graph = GraphProto {
        initializer: vec![weight("small", 1024), weight("large", 1025)],
        ..GraphProto::default()
    };
    write(folder.path(), graph);
    let weights = view(input(folder.path(), "model.onnx")).unwrap().graph.weights;
    let known: Vec<_> =
        weights.iter().map(|weight| (weight.bytes, weight.values.is_some())).collect();
    assert_eq!(known, [(1024, true), (1025, false)]);
}

#[test]
fn a_graph_of_ten_thousand_nodes_is_edited() {
    const NODES: u32 = 10_000;
    let folder = tempfile::tempdir().unwrap();
    let mut graph = GraphBuilder::new("chain");
    graph.input("v0", DataType::Float, &[]);
    graph.output(&format!("v{NODES}"), DataType::Float, &[]);
    for index in 0..NODES {
        let next = format!("v{}", index + 1);
        graph.node(Node::new("Neg", "").inputs([format!("v{index}")]).outputs([next]));
    }
    write(folder.path(), graph.finish(Vec::new()));
    let rename = |index: u32| json!({"edit": "rename_value", "from": format!("v{index}"), "to": format!("w{index}")});
    let edits: Vec<_> = (0..=NODES).map(rename).collect();
    let (_step, edited) = edit(input(folder.path(), "model.onnx"), &json!(edits)).unwrap();
    let GraphView { graph, .. } = view(edited).unwrap();
    assert_eq!(graph.nodes.len(), 10_000);
    assert!(graph.nodes.iter().all(|node| node.inputs[0] == format!("w{}", node.id)));
}

#[test]
fn graphs_nested_too_deep_for_json_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut graph = GraphProto::default();
    for _ in 0..21 {
        let node = Node::new("If", "").attribute("then_branch", graph).into_proto();
        graph = GraphProto { node: vec![node], ..GraphProto::default() };
    }
    write(folder.path(), graph);
    let error = view(input(folder.path(), "model.onnx")).unwrap_err();
    assert_eq!(error.message, "view: graphs are nested more than 20 deep");
}

fn write(folder: &Path, graph: GraphProto) {
    let model = ModelProto { graph: Some(graph), ..ModelProto::default() };
    write_model(&model, &folder.join("model.onnx")).unwrap();
}

/// Every sound graph of the fixtures here and of the builder.
pub(super) fn fixtures() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = fs::read_dir(here.join("../../tests/fixtures/builder")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path()).chain([here.join("tests/graphs")]);
    let files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let mut graphs: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    graphs.retain(|path| path.extension().is_some_and(|end| end == "onnx"));
    // Most references of the builder are graphs without their data.
    graphs.retain(|path| Model::open(path).unwrap().check().is_empty());
    graphs.sort();
    graphs
}

/// Every initializer with its bytes, and whether they lie in a file.
fn tensors(path: &Path) -> Vec<(String, bool, Vec<u8>)> {
    let model = Model::open(path).unwrap();
    let mut found = Vec::new();
    each_graph(&model.graph, &mut |graph| {
        found.extend(graph.initializer.iter().map(|weight| {
            let bytes = model.data().bytes(weight).unwrap().to_vec();
            (weight.name().to_owned(), is_external(weight), bytes)
        }));
    });
    found
}
