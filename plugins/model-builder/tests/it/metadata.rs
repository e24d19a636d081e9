//! Files of ONNX Runtime GenAI without a graph, or beside one that is there already.

use std::fs;

use olive_kit_testing::{file_names, fixture};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{ModelKind, StepOutcome};
use serde_json::{Value, json};

use crate::support::{built, copied, prepare, request, run};

#[test]
fn a_config_alone_is_the_builders() {
    let config = json!({"precision": "fp32", "extra_options": {"config_only": true}});
    let (alone, whole) =
        (built("tiny-phi3", &config), built("tiny-phi3", &json!({"precision": "fp32"})));
    let mut expected = file_names(whole.path());
    expected.retain(|name| !name.starts_with("model.onnx"));
    assert_eq!(file_names(alone.path()), expected);
    let [alone, mut whole] = [alone, whole].map(|dir| {
        let bytes = fs::read(dir.path().join("genai_config.json")).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    });
    // All that the original changes.
    whole["search"]["past_present_share_buffer"] = false.into();
    assert_eq!(alone, whole);
}

#[test]
fn a_graph_gets_what_it_lacks() {
    let (model, output) = (copied("tiny-llama"), tempfile::tempdir().unwrap());
    fs::write(model.path().join("decoder.onnx"), "graph").unwrap();
    fs::write(model.path().join("decoder.onnx.data"), "weights").unwrap();
    let config = json!({"precision": "fp32", "metadata_only": true, "search": {"top_k": 3}});
    let mut request = request(model.path(), &config, &output);
    request["input"]["type"] = "ONNXModel".into();
    request["input"]["onnx_file_name"] = "decoder.onnx".into();
    request["accelerator"] =
        json!({"device": "gpu", "execution_provider": "CUDAExecutionProvider"});
    assert_eq!(prepare(&request).unwrap(), []);
    let StepOutcome::Model(made) = run(&request, &Recorder::default()).unwrap() else {
        panic!("not a model")
    };
    assert_eq!(
        (made.kind, made.onnx_file_name.as_deref()),
        (ModelKind::Onnx, Some("decoder.onnx"))
    );
    assert_eq!(made.model_path, output.path());
    for file in ["decoder.onnx", "decoder.onnx.data", "tokenizer.json", "config.json"] {
        let copies = [model.path(), output.path()].map(|dir| fs::read(dir.join(file)).unwrap());
        assert!(copies[0] == copies[1], "{file}");
    }
    let genai: Value =
        serde_json::from_slice(&fs::read(output.path().join("genai_config.json")).unwrap())
            .unwrap();
    let decoder = &genai["model"]["decoder"];
    assert_eq!(decoder["filename"], "decoder.onnx");
    assert_eq!(decoder["session_options"]["provider_options"][0]["cuda"]["enable_cuda_graph"], "0");
    assert_eq!(genai["search"]["top_k"], 3);
    assert_eq!(genai["search"]["past_present_share_buffer"], false);
}

#[test]
fn inputs_of_the_other_kind_are_named() {
    let as_graph = |config: &Value, is_graph: bool| {
        let output = tempfile::tempdir().unwrap();
        let mut request = request(&fixture("tiny-llama"), config, &output);
        if is_graph {
            request["input"]["type"] = "ONNXModel".into();
        }
        let found = prepare(&request).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let error = run(&request, &Recorder::default()).unwrap_err();
        assert_eq!(error.message, found[0].message);
        assert_eq!(file_names(output.path()), [""; 0]);
        (found[0].pointer.clone(), error.message)
    };
    let pointer = "/metadata_only".to_owned();
    let metadata = json!({"precision": "fp32", "metadata_only": true});
    let message = "`metadata_only` is for ONNX models, and the input is a checkpoint".to_owned();
    assert_eq!(as_graph(&metadata, false), (pointer.clone(), message));
    let message = "the input is an ONNX model already".to_owned();
    assert_eq!(as_graph(&json!({"precision": "fp32"}), true), (pointer.clone(), message));
    let dir = fixture("tiny-llama");
    let message = format!("`{}` holds no graph `model.onnx`", dir.display());
    assert_eq!(as_graph(&metadata, true), (pointer, message));
}
