//! Whole folders, against those of ONNX Runtime GenAI 0.18.

use std::fs;
use std::path::Path;

use olive_kit_onnx::proto::AttributeProto;
use olive_kit_onnx::read_model;
use olive_kit_testing::{file_names, fixture};
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};

use crate::reference::{check_graphs, check_json, graph};
use crate::support::{built, copied, request, run};

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
