//! Broken models: one clear sentence each.

use std::fs;
use std::path::Path;

use olive_kit_testing::fixture;
use olive_plugin_api::PluginError;
use olive_plugin_onnxruntime::genai_config::GenaiConfig;
use olive_plugin_onnxruntime::model::OnnxLanguageModel;
use tempfile::TempDir;

use crate::has_library;

const MODEL: &str = "builder/tiny-phi3-fp32";

#[test]
fn a_folder_without_generation_config_is_named() {
    let model = copy_without("genai_config.json");
    check(&model, "io", &["cannot read", "genai_config.json"]);
}

#[test]
fn a_generation_config_of_another_shape_is_named() {
    let model = copy_without("");
    fs::write(model.path().join("genai_config.json"), "{\"model\": {}}").unwrap();
    check(&model, "genai-config", &["genai_config.json", "missing field"]);
}

#[test]
fn a_missing_graph_is_named() {
    let model = copy_without("model.onnx");
    check(&model, "io", &["cannot read", "model.onnx"]);
}

#[test]
fn a_corrupt_graph_is_refused() {
    if has_library() {
        let model = copy_without("");
        let path = model.path().join("model.onnx");
        let mut graph = fs::read(&path).unwrap();
        graph.truncate(graph.len() / 2);
        fs::write(path, graph).unwrap();
        check(&model, "onnx-graph", &["cannot load the graph", "model.onnx"]);
    }
}

#[test]
fn missing_external_data_is_refused() {
    if has_library() {
        let model = copy_without("model.onnx.data");
        check(&model, "onnx-graph", &["cannot load the graph", "model.onnx.data"]);
    }
}

#[test]
fn a_graph_of_fewer_layers_than_the_config_says_is_refused() {
    if has_library() {
        let model = copy_without("");
        let path = model.path().join("genai_config.json");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
        fs::write(path, text).unwrap();
        check(&model, "onnx-graph", &["has no input `past_key_values.2.key`"]);
    }
}

/// A copy of the model without the file `missing`.
fn copy_without(missing: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(MODEL)).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != missing {
            let bytes = fs::read(entry.path()).unwrap();
            fs::write(copy.path().join(entry.file_name()), bytes).unwrap();
        }
    }
    copy
}

fn check(model: &TempDir, code: &str, parts: &[&str]) {
    let error = open(model.path()).err().expect("a broken model is refused");
    assert_eq!(error.code, code, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "`{part}` is not in: {error}");
    }
}

fn open(folder: &Path) -> Result<OnnxLanguageModel, PluginError> {
    let config = GenaiConfig::read(folder)?;
    Ok(OnnxLanguageModel::open(&folder.join("model.onnx"), config, 1)?)
}
