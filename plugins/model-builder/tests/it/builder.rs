//! Whole folders, against those of ONNX Runtime GenAI 0.18.

use std::fs;
use std::path::Path;

use olive_kit_onnx::proto::{AttributeProto, GraphProto, ModelProto, TensorProto};
use olive_kit_onnx::{read_model, tensor_bytes};
use olive_kit_testing::{file_names, fixture};
use olive_plugin_api::testing::Recorder;
use serde_json::{Map, Value, json};

use crate::support::{built, copied, prepare, request, run};

/// Largest difference of a table's entry: ours are rounded once from 64-bit sine and cosine, torch's
/// are computed in 32 bits and may be a last bit off.
const LAST_BIT: f32 = 1.2e-7;

#[test]
fn phi3_fp32_is_the_builders() {
    check("tiny-phi3", &json!({"precision": "fp32"}), "tiny-phi3-fp32");
}

#[test]
fn phi3_int4_is_the_builders() {
    check("tiny-phi3", &json!({"precision": "int4"}), "tiny-phi3-int4");
}

#[test]
fn phi3_int4_with_zero_points_is_the_builders() {
    let config = json!({"precision": "int4", "int4_block_size": 128, "int4_is_symmetric": false});
    check("tiny-phi3", &config, "tiny-phi3-int4-b128-asym");
    let extra = json!({"block_size": 128, "is_symmetric": false, "accuracy_level": 4});
    let config = json!({"precision": "int4", "int4_block_size": 32, "extra_options": extra});
    check("tiny-phi3", &config, "tiny-phi3-int4-b128-asym");
}

#[test]
fn longrope_is_the_builders() {
    check("tiny-phi3-longrope", &json!({"precision": "fp32"}), "tiny-phi3-longrope-fp32");
    check("tiny-phi3-longrope", &json!({"precision": "int4"}), "tiny-phi3-longrope-int4");
}

#[test]
fn llama_with_tied_embeddings_is_the_builders() {
    check("tiny-llama", &json!({"precision": "fp32"}), "tiny-llama-fp32");
    check("tiny-llama", &json!({"precision": "int4"}), "tiny-llama-int4");
}

#[test]
fn qwen2_with_biases_is_the_builders() {
    for (precision, expected) in [("fp32", "tiny-qwen2-fp32"), ("int4", "tiny-qwen2-int4")] {
        // Only these: transformers gives a Qwen 2 another tokenizer than the folder's.
        let output = built("tiny-qwen2", &json!({ "precision": precision }));
        let (found, expected) = (output.path(), fixture("builder").join(expected));
        check_graphs(found, &expected);
        check_json(&found.join("genai_config.json"), &expected.join("genai_config.json"), &[]);
    }
}

#[test]
fn biases_are_added_wherever_the_model_has_them() {
    let output = built("tiny-llama-bias", &json!({ "precision": "fp32" }));
    let mut model = read_model(&output.path().join("model.onnx")).unwrap();
    let nodes = graph(&mut model).node.iter().filter(|node| node.op_type() == "Add");
    let names: Vec<_> = nodes.map(|node| node.name().to_owned()).collect();
    let parts = ["attn/qkv_proj", "attn/o_proj", "mlp/gate_proj", "mlp/up_proj", "mlp/down_proj"];
    let layer = |layer: usize| parts.map(|part| format!("/model/layers.{layer}/{part}/Add"));
    assert_eq!(names, [layer(0), layer(1)].concat());
}

#[test]
fn windows_are_those_of_each_layer() {
    let windows = |model: &Path| {
        let output = tempfile::tempdir().unwrap();
        let request = request(model, &json!({ "precision": "fp32" }), &output);
        run(&request, &Recorder::default()).unwrap();
        let mut model = read_model(&output.path().join("model.onnx")).unwrap();
        let attributes = graph(&mut model).node.iter().flat_map(|node| &node.attribute);
        let windows = attributes.filter(|attribute| attribute.name() == "local_window_size");
        windows.map(AttributeProto::i).collect::<Vec<_>>()
    };
    assert_eq!(windows(&fixture("tiny-mistral")), [8, 8]);
    assert_eq!(windows(&fixture("tiny-qwen2")), [-1, -1]);
    let model = copied("tiny-qwen2");
    let path = model.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["use_sliding_window"] = true.into();
    config["sliding_window"] = 16.into();
    config["layer_types"] = json!(["full_attention", "sliding_attention"]);
    fs::write(path, config.to_string()).unwrap();
    assert_eq!(windows(model.path()), [-1, 16]);
}

#[test]
fn what_a_graph_cannot_express_is_named() {
    let rows = [
        ("tiny-qwen3", "needs `q_norm` and `k_norm`, which graphs do not express yet"),
        ("tiny-gemma", "needs norms by `1 + weight`, embeddings times `sqrt(hidden_size)`, "),
        ("tiny-gemma2", "`attn_logit_softcapping`, `final_logit_softcapping`, activation `gelu"),
    ];
    for (model, expected) in rows {
        let output = tempfile::tempdir().unwrap();
        let request = request(&fixture(model), &json!({ "precision": "fp32" }), &output);
        let checked = prepare(&request).unwrap_err();
        assert!(checked.message.contains(expected), "{}", checked.message);
        let built = run(&request, &Recorder::default()).unwrap_err();
        assert_eq!(built.message, checked.message);
        assert!(file_names(output.path()).is_empty());
    }
}

/// Builds `model` with `config` and compares the folder with the fixture `expected`.
fn check(model: &str, config: &Value, expected: &str) {
    let output = built(model, config);
    let (found, expected) = (output.path(), fixture("builder").join(expected));
    check_graphs(found, &expected);
    check_json(&found.join("genai_config.json"), &expected.join("genai_config.json"), &[]);
    // Traces of how transformers loaded the tokenizer, not of the tokenizer.
    let traces = ["is_local", "local_files_only"];
    check_json(
        &found.join("tokenizer_config.json"),
        &expected.join("tokenizer_config.json"),
        &traces,
    );
    for (file, original) in [
        ("tokenizer.json", expected.join("tokenizer.json")),
        ("chat_template.jinja", expected.join("chat_template.jinja")),
        ("config.json", fixture(model).join("config.json")),
        ("generation_config.json", fixture(model).join("generation_config.json")),
    ] {
        assert!(fs::read(found.join(file)).unwrap() == fs::read(original).unwrap(), "{file}");
    }
    assert_eq!(file_names(found).len(), 8, "nothing else is in the folder");
}

fn check_graphs(found_dir: &Path, expected_dir: &Path) {
    let [mut found, mut expected] =
        [found_dir, expected_dir].map(|dir| read_model(&dir.join("model.onnx")).unwrap());
    assert_eq!(
        (found.ir_version, &found.opset_import),
        (expected.ir_version, &expected.opset_import)
    );
    let (found, expected) = (graph(&mut found), graph(&mut expected));
    check_tables(&branch_tables(found), &branch_tables(expected));
    sort_attributes(found);
    sort_attributes(expected);
    for (found, expected) in found.node.iter().zip(&expected.node) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.node.len(), expected.node.len());
    assert_eq!((&found.input, &found.output), (&expected.input, &expected.output));
    assert_eq!(found.value_info, expected.value_info);
    assert_eq!(found.name, expected.name);
    // Names, types, shapes and places in the file, in order.
    assert_eq!(found.initializer, expected.initializer);
    for tensor in &found.initializer {
        let [found, expected] =
            [found_dir, expected_dir].map(|dir| tensor_bytes(tensor, dir).unwrap());
        match tensor.name() {
            "cos_cache" | "sin_cache" => check_tables(&[floats(&found)], &[floats(&expected)]),
            name => assert!(found == expected, "values of `{name}`"),
        }
    }
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}

/// Takes the values out of the constants in the branches of `If` nodes.
fn branch_tables(graph: &mut GraphProto) -> Vec<Vec<f32>> {
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    let mut branches: Vec<_> = attributes.filter(|attribute| attribute.g.is_some()).collect();
    branches.sort_by(|a, b| a.name.cmp(&b.name));
    let nodes = branches.into_iter().filter_map(|branch| branch.g.as_mut());
    let tensors = nodes.flat_map(|graph| &mut graph.node).flat_map(|node| &mut node.attribute);
    tensors
        .filter_map(|attribute| attribute.t.as_mut())
        .map(|tensor: &mut TensorProto| floats(&tensor.raw_data.take().unwrap()))
        .collect()
}

fn check_tables(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= LAST_BIT, "{found} {expected}");
        }
    }
}

/// The order of attributes means nothing, nor does the name of a constant's value.
fn sort_attributes(graph: &mut GraphProto) {
    for node in &mut graph.node {
        node.attribute.sort_by(|a, b| a.name.cmp(&b.name));
        for attribute in &mut node.attribute {
            if let Some(tensor) = &mut attribute.t {
                tensor.name = None;
            }
            if let Some(graph) = &mut attribute.g {
                sort_attributes(graph);
            }
        }
    }
}

fn check_json(found: &Path, expected: &Path, ignored: &[&str]) {
    let [found, mut expected] = [found, expected].map(|path| {
        serde_json::from_slice::<Map<String, Value>>(&fs::read(path).unwrap()).unwrap()
    });
    expected.retain(|key, _| !ignored.contains(&key.as_str()));
    assert_eq!(found, expected);
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
