//! What all passes do alike: what comes along, where weights go, what is refused.

use std::path::Path;

use olive_kit_onnx::proto::StringStringEntryProto;
use olive_kit_onnx::{Model, is_external};
use olive_kit_testing::file_names;
use olive_plugin_api::{PluginError, StepOutcome};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{alone, prepare, request, run};

#[test]
fn what_lies_beside_the_graph_comes_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = alone("tiny-phi3-fp32", folder.path());
    std::fs::write(folder.path().join("genai_config.json"), "{}").unwrap();
    std::fs::create_dir(folder.path().join("more")).unwrap();
    std::fs::write(folder.path().join("more/text"), "text").unwrap();
    let output = tempfile::tempdir().unwrap();
    let request = request("OnnxPeepholeOptimizer", &path, &json!({}), output.path());
    let StepOutcome::Model(model) = run(&request).unwrap() else { panic!("no model") };
    assert_eq!(model.onnx_file_name.as_deref(), Some("model.onnx"));
    assert_eq!(file_names(output.path()), ["genai_config.json", "model.onnx", "more"]);
    assert_eq!(std::fs::read(output.path().join("more/text")).unwrap(), b"text");
}

#[test]
fn weights_go_where_the_settings_say() {
    let rows = [
        (json!({}), vec!["model.onnx"], 0),
        (json!({"save_as_external_data": true}), vec!["model.onnx", "model.onnx.data"], 14),
        (
            json!({"save_as_external_data": true, "size_threshold": 0}),
            vec!["model.onnx", "model.onnx.data"],
            21,
        ),
        (
            json!({"save_as_external_data": true, "external_data_name": "w.bin"}),
            vec!["model.onnx", "w.bin"],
            14,
        ),
    ];
    for (config, files, external) in rows {
        let output = made(&config).unwrap();
        assert_eq!(file_names(output.path()), files, "{config}");
        let model = Model::open(&output.path().join("model.onnx")).unwrap();
        let count = model.graph.initializer.iter().filter(|weight| is_external(weight)).count();
        assert_eq!(count, external, "{config}");
    }
    let apart = json!({"save_as_external_data": true, "all_tensors_to_one_file": false});
    assert_eq!(file_names(made(&apart).unwrap().path()).len(), 15);
}

#[test]
fn the_name_of_another_file_is_refused_for_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = alone("tiny-phi3-fp32", folder.path());
    std::fs::write(folder.path().join("genai_config.json"), "{}").unwrap();
    let output = tempfile::tempdir().unwrap();
    let config = json!({"save_as_external_data": true, "external_data_name": "genai_config.json"});
    let error = run(&request("OnnxPeepholeOptimizer", &path, &config, output.path())).unwrap_err();
    assert_eq!(error.code, "name-taken");
}

#[test]
fn surgeries_say_what_is_wrong_with_them() {
    let rows = [
        (
            json!({"surgeon": "RenameInputDims", "dim_idx": 0, "dim_name": "n"}),
            "needs `input_name`",
        ),
        (json!({"surgeon": "RenameOutputDims", "output_idx": 0, "dim_idx": 0}), "needs `dim_name`"),
        (json!({"surgeon": "GemmToMatMulAdd", "threshold": 1}), "has no setting `threshold`"),
        (
            json!({"surgeon": "RenameInputs", "old_names": ["x"], "new_names": []}),
            "0 new names for 1 old ones",
        ),
    ];
    for (surgery, part) in rows {
        let found = found("GraphSurgeries", &json!({"surgeries": [surgery]}));
        assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
    }
    let rows = [
        (
            json!({"surgeon": "RenameInputDims", "input_name": "no", "dim_idx": 0, "dim_name": "n"}),
            "RenameInputDims: there is no input `no`",
        ),
        (
            json!({"surgeon": "RenameOutputDims", "output_idx": 7, "dim_idx": 0, "dim_name": "n"}),
            "RenameOutputDims: there are 1 outputs, none 7",
        ),
        (
            json!({"surgeon": "ReorderInputs", "permutation": [0]}),
            "ReorderInputs: `permutation` must have each number below 2 once",
        ),
    ];
    for (surgery, expected) in rows {
        let error = failed("GraphSurgeries", "names", &json!({"surgeries": [surgery]}));
        assert!(error.message.starts_with(expected), "{error:?}");
    }
}

#[test]
fn fixed_shapes_that_do_not_belong_together_are_found() {
    let rows = [
        (json!({}), "set `dim_param` or `input_name`"),
        (json!({"dim_param": ["n"]}), "0 sizes for 1 names of dimensions"),
        (json!({"input_name": ["x"], "input_shape": []}), "0 shapes for 1 inputs"),
    ];
    for (config, expected) in rows {
        assert_eq!(found("DynamicToFixedShape", &config), [expected]);
    }
    let config = json!({"input_name": ["x"], "input_shape": [[1, 2, 3]]});
    let error = failed("DynamicToFixedShape", "names", &config);
    assert_eq!(error.message, "DynamicToFixedShape: input `x` has 2 dimensions, not 3");
}

#[test]
fn versions_that_are_not_converted_to_are_named() {
    let error = failed("OnnxOpVersionConversion", "names", &json!({"target_opset": 19}));
    assert!(error.message.contains("the model is of version 21"), "{error:?}");
}

#[test]
fn metadata_is_written_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = alone("tiny-phi3-fp32", folder.path());
    let output = tempfile::tempdir().unwrap();
    let config = json!({"graph_name": "tiny", "custom_metadata": {"made": "here", "steps": 3}});
    let mut request = request("AddOliveMetadata", &path, &config, output.path());
    request.input.model_attributes.insert("hf_task".into(), json!("text"));
    run(&request).unwrap();
    let data = |folder: &Path| std::fs::read(folder.join("model.onnx.data")).unwrap();
    assert!(data(folder.path()) == data(output.path()));
    let model = Model::open(&output.path().join("model.onnx")).unwrap();
    assert_eq!(model.graph.name(), "tiny");
    let facts = &model.header.metadata_props;
    let keys: Vec<_> = facts.iter().map(StringStringEntryProto::key).collect();
    assert_eq!(keys, ["made", "steps", "olive_version", "hf_task", "model_hash"]);
    assert_eq!((facts[1].value(), facts[3].value()), ("3", "text"));
}

fn made(config: &Value) -> Result<TempDir, PluginError> {
    let folder = tempfile::tempdir().unwrap();
    let path = alone("tiny-phi3-fp32", folder.path());
    let output = tempfile::tempdir().unwrap();
    run(&request("OnnxPeepholeOptimizer", &path, config, output.path()))?;
    Ok(output)
}

fn failed(pass: &str, graph: &str, config: &Value) -> PluginError {
    let (folder, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(&request(pass, &alone(graph, folder.path()), config, output.path())).unwrap_err()
}

fn found(pass: &str, config: &Value) -> Vec<String> {
    let (folder, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let request = request(pass, &alone("names", folder.path()), config, output.path());
    prepare(&request).unwrap().into_iter().map(|problem| problem.message).collect()
}
