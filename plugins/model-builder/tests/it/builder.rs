//! Whole folders, against those of ONNX Runtime GenAI 0.18.

use std::fs;
use std::path::Path;

use olive_kit_onnx::proto::{GraphProto, ModelProto, TensorProto};
use olive_kit_onnx::{read_model, tensor_bytes};
use serde_json::{Map, Value, json};

use crate::support::{built, file_names, fixture};

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
