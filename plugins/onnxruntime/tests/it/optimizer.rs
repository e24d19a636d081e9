//! What ONNX Runtime's own optimizer leaves of graphs, beside what Olive's pass leaves.

use std::path::{Path, PathBuf};

use olive_kit_onnx::proto::ModelProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{GraphBuilder, Model, Node, is_external, raw_tensor, write_model};
use olive_kit_testing::graphs::{Sizes, run};
use olive_kit_testing::{file_names, fixture, request};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Plugin, PluginError, StepOutcome};
use olive_plugin_onnxruntime::OrtTransformersOptimization;
use olive_plugin_onnxruntime::library::environment;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::has_library;

/// Share of the largest number that results differ by: sums run in another order.
const SUMS: f64 = 1e-6;

/// A first run of a decoder over five tokens.
const FIRST_RUN: Sizes = &[
    ("batch_size", 1),
    ("sequence_length", 5),
    ("past_sequence_length", 0),
    ("total_sequence_length", 5),
    ("kv_cache_dim", 16),
];

#[test]
fn what_is_left_is_what_olive_leaves_and_computes_the_same() {
    if !has_library() {
        return;
    }
    // Made by Olive 0.13.0 with onnxruntime 1.32.0, `model_type` `bert`.
    let rows = [
        ("redundant", 1, "Add Cast Cast Exp Neg Reshape Reshape Sigmoid"),
        (
            "matmul-add",
            1,
            "Gemm Gemm Gemm Gemm Neg Relu Reshape Reshape Reshape Reshape Reshape Sigmoid",
        ),
        (
            "norms",
            2,
            "Neg Neg SimplifiedLayerNormalization SkipSimplifiedLayerNormalization SkipSimplifiedLayerNormalization",
        ),
        ("convolution", 2, "Attention Conv Conv Flatten LayerNormalization"),
    ];
    for (name, level, expected) in rows {
        let path = graph(name);
        let made = made(&path, &json!({"opt_level": level})).unwrap();
        let result = made.path().join(path.file_name().unwrap());
        assert_eq!(operators(&result).join(" "), expected, "{name} {level}");
        check_same(&result, &path, &[]);
    }
}

#[test]
fn level_2_writes_a_sum_and_a_norm_as_one_operator() {
    if !has_library() {
        return;
    }
    let shape = [2.into(), 4.into(), 8.into()];
    let mut graph = GraphBuilder::new("skip");
    for name in ["x", "z"] {
        graph.input(name, DataType::Float, &shape);
    }
    graph.output("y", DataType::Float, &shape);
    graph.node(Node::new("Add", "sum").inputs(["x", "z"]).outputs(["s"]));
    graph.node(Node::new("LayerNormalization", "norm").inputs(["s", "w", "b"]).outputs(["y"]));
    let ones: Vec<u8> = [1.0_f32; 8].iter().flat_map(|one| one.to_le_bytes()).collect();
    let weights = ["w", "b"].map(|name| raw_tensor(name, DataType::Float, &[8], ones.clone()));
    let mut header = ModelProto { ir_version: Some(10), ..ModelProto::default() };
    header.set_opset("", 17);
    let graph = Some(graph.finish(weights.to_vec()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    write_model(&ModelProto { graph, ..header }, &path).unwrap();
    for (level, expected) in
        [(1, vec!["Add", "LayerNormalization"]), (2, vec!["SkipLayerNormalization"])]
    {
        let made = made(&path, &json!({"opt_level": level})).unwrap();
        let result = made.path().join("model.onnx");
        assert_eq!(operators(&result), expected);
        check_same(&result, &path, &[]);
    }
}

#[test]
fn exported_graphs_compute_the_same_at_every_level() {
    if !has_library() {
        return;
    }
    for (name, level) in [("traced", 1), ("traced", 99), ("exported", 2), ("convolution", 99)] {
        let path = graph(name);
        let made = made(&path, &json!({"opt_level": level})).unwrap();
        let result = made.path().join(path.file_name().unwrap());
        assert!(operators(&result).len() < operators(&path).len() || name == "convolution");
        check_same(&result, &path, &[]);
    }
}

#[test]
fn weights_go_where_the_settings_say_and_the_rest_comes_along() {
    if !has_library() {
        return;
    }
    let path = fixture("builder/tiny-phi3-int4").join("model.onnx");
    let beside = file_names(path.parent().unwrap());
    let external = |folder: &Path| {
        let model = Model::open(&folder.join("model.onnx")).unwrap();
        model.graph.initializer.iter().filter(|weight| is_external(weight)).count()
    };
    let rows = [
        (json!({}), "", false),
        (json!({"save_as_external_data": true}), "model.onnx.data", true),
        (json!({"save_as_external_data": true, "external_data_name": "w"}), "w", true),
    ];
    for (mut config, data, is_apart) in rows {
        config["opt_level"] = json!(2);
        let made = made(&path, &config).unwrap();
        let mut expected: Vec<String> =
            beside.iter().filter(|name| *name != "model.onnx.data").cloned().collect();
        expected.extend((!data.is_empty()).then(|| data.to_owned()));
        expected.sort();
        assert_eq!(file_names(made.path()), expected);
        assert_eq!(external(made.path()) > 0, is_apart);
        check_same(&made.path().join("model.onnx"), &path, FIRST_RUN);
    }
}

#[test]
fn the_same_graph_gives_the_same_bytes() {
    if !has_library() {
        return;
    }
    let path = graph("matmul-add");
    let (one, other) =
        (made(&path, &json!({"opt_level": 2})), made(&path, &json!({"opt_level": 2})));
    let bytes = |made: Result<TempDir, PluginError>| {
        std::fs::read(made.unwrap().path().join("matmul-add.onnx")).unwrap()
    };
    assert!(bytes(one) == bytes(other));
}

#[test]
fn what_is_no_graph_is_refused() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, [0x0a, 0xff]).unwrap();
    assert_eq!(made(&path, &json!({"opt_level": 1})).unwrap_err().code, "onnx-graph");
}

/// A graph of `plugins/onnx`.
fn graph(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.join("../onnx/tests/graphs").join(format!("{name}.onnx"))
}

/// What the pass makes of the graph at `path`.
fn made(path: &Path, config: &Value) -> Result<TempDir, PluginError> {
    let (input, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let scratch = tempfile::tempdir().unwrap();
    // Graphs of tests share a folder.
    let folder = match path.parent().unwrap() {
        folder if folder.ends_with("graphs") => {
            std::fs::copy(path, input.path().join(path.file_name().unwrap())).unwrap();
            input.path()
        }
        folder => folder,
    };
    let name = path.file_name().unwrap().to_str().unwrap();
    let model = json!({"type": "ONNXModel", "model_path": folder, "onnx_file_name": name});
    let mut request = request("pass", "OrtTransformersOptimization", &model, output.path());
    request["config"] = config.clone();
    request["config"]["only_onnxruntime"] = json!(true);
    request["scratch_dir"] = json!(scratch.path());
    let plugin = Plugin::new("onnxruntime", "0.1.0").with_pass::<OrtTransformersOptimization>();
    let request = serde_json::from_value(request).unwrap();
    match plugin.run(&request, &Recorder::default())? {
        StepOutcome::Model(model) => assert_eq!(model.onnx_file_name.as_deref(), Some(name)),
        other => panic!("no model: {other:?}"),
    }
    Ok(output)
}

/// Operators of the nodes of a graph, sorted.
fn operators(path: &Path) -> Vec<String> {
    let model = Model::open(path).unwrap();
    let mut all: Vec<_> = model.graph.node.iter().map(|node| node.op_type().to_owned()).collect();
    all.sort_unstable();
    all
}

fn check_same(result: &Path, original: &Path, sizes: Sizes) {
    let environment = environment().unwrap();
    let [found, expected] = [result, original].map(|path| run(&environment, path, sizes).unwrap());
    assert_eq!(found.differs_from(&expected, Some(SUMS)), None, "{}", original.display());
}
