//! The evaluator and the generator as a worker runs them.

use std::fs;
use std::path::Path;

use olive_kit_testing::{fixture, request};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{
    Diagnostic, MetricValue, Plugin, PluginError, StepEvent, StepOutcome, StepRequest,
};
use olive_plugin_onnxruntime::evaluator::OnnxRuntimeEvaluator;
use olive_plugin_onnxruntime::generator::OnnxRuntimeGenerator;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::has_library;

#[test]
fn every_metric_of_a_model_is_measured() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let events = Recorder::default();
    let outcome = run(&evaluation(&folder), &events).unwrap();
    let StepOutcome::Metrics(values) = outcome else { panic!("not metrics: {outcome:?}") };
    let keys: Vec<_> = values.iter().map(MetricValue::key).collect();
    let expected = ["tone-exact_match", "tone-perplexity", "speed-p90", "rate-avg", "size-bytes"];
    assert_eq!(keys, expected);
    assert!(values[1].value > 100.0, "random weights know nothing: {}", values[1].value);
    assert!(values[2].value > 0.0 && values[3].value > 0.0);
    let size = |name| fs::metadata(fixture(MODEL).join(name)).unwrap().len();
    let bytes = size("model.onnx") + size("model.onnx.data");
    assert!((values[4].value - bytes as f64).abs() < 0.5);
    let records = fs::read_to_string(folder.path().join("examples.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 10, "five rows of two figures");
    let is_last_example = |event: &StepEvent| matches!(event, StepEvent::Progress { unit, done: 5, total: 5, .. } if unit == "example");
    assert!(events.events().iter().any(is_last_example));
}

#[test]
fn a_cancelled_evaluation_ends() {
    if has_library() {
        let folder = tempfile::tempdir().unwrap();
        let events = Recorder::cancelled();
        let error = run(&evaluation(&folder), &events).unwrap_err();
        assert_eq!(error.code, PluginError::CANCELLED);
    }
}

#[test]
fn pieces_of_generated_text_make_the_whole() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let events = Recorder::default();
    let mut request = request("generate", "OnnxRuntimeGenerator", &input(), folder.path());
    request["config"] = json!({"prompt": "### Text: I won.", "max_new_tokens": 12});
    let outcome = run(&request, &events).unwrap();
    let StepOutcome::Text(text) = outcome else { panic!("not text: {outcome:?}") };
    assert!(!text.is_empty());
    let events = events.events();
    let pieces = events.iter().map(|event| match event {
        StepEvent::Text { text } => text.as_str(),
        other => panic!("not text: {other:?}"),
    });
    assert_eq!(pieces.collect::<String>(), text);
}

#[test]
fn a_provider_that_is_not_there_is_refused_before_and_when_it_is_needed() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, pack) in [("DmlExecutionProvider", "`directml`"), ("AcmeExecutionProvider", "")] {
        let mut request = evaluation(&folder);
        request["accelerator"] = json!({"device": "gpu", "execution_provider": name});
        for error in [prepare(&request).unwrap_err(), measure(&request).unwrap_err()] {
            assert_eq!(error.code, "execution-provider");
            let told = format!(
                "no installed pack has the execution provider `{name}`, and the ONNX Runtime \
                 library has only CPUExecutionProvider"
            );
            assert!(error.message.starts_with(&told), "{error}");
            let help = error.help.unwrap();
            assert!(help.contains(&format!("`olive plugin search {name}`")), "{help}");
            assert!(help.contains(pack), "{help}");
        }
    }
}

#[test]
fn a_library_that_is_no_provider_is_refused() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libacme.so");
    fs::write(&library, "no library").unwrap();
    let mut request = evaluation(&folder);
    request["accelerator"] = json!({"device": "cpu", "execution_provider": "AcmeProvider"});
    request["execution_provider_library"] = json!({"path": library});
    let error = prepare(&request).unwrap_err();
    assert_eq!(error.code, "execution-provider");
    let told = format!("cannot use `{}` as the library of `AcmeProvider`", library.display());
    assert!(error.message.starts_with(&told), "{error}");
}

#[test]
fn a_provider_without_a_device_of_the_kind_says_which_there_are() {
    let Some(openvino) = std::env::var_os("OLIVE_TEST_OPENVINO").filter(|_| has_library()) else {
        println!("skipped: OLIVE_TEST_OPENVINO is not set: run `cargo xtask test`");
        return;
    };
    let recipe = fs::read_to_string(Path::new(&openvino).join("olive-pack.json")).unwrap();
    let recipe: Value = serde_json::from_str(&recipe).unwrap();
    let entries = recipe["execution_providers"][0]["entry"].as_object().unwrap();
    let (target, entry) = entries.iter().next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut request = evaluation(&folder);
    let provider = "OpenVINOExecutionProvider";
    request["accelerator"] = json!({"device": "npu", "execution_provider": provider});
    let library = Path::new(&openvino).join("dist").join(target).join(entry.as_str().unwrap());
    request["execution_provider_library"] = json!({"path": library});
    let error = prepare(&request).unwrap_err();
    assert_eq!(error.code, "execution-provider");
    let told = format!("`{provider}` finds no device of kind npu on this machine; there are: cpu");
    assert!(error.message.starts_with(&told), "{error}");
    assert!(error.message.contains("(CPUExecutionProvider)"), "{error}");
}

#[test]
fn a_model_without_tokenizer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["model.onnx", "model.onnx.data", "genai_config.json"] {
        let bytes = fs::read(fixture(MODEL).join(name)).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mut request = evaluation(&folder);
    request["input"]["model_path"] = json!(folder.path());
    let error = run(&request, &Recorder::default()).unwrap_err();
    assert_eq!(error.code, "tokenizer");
    assert!(error.to_string().contains("tokenizer.json"), "{error}");
}

const MODEL: &str = "builder/tiny-phi3-int4";

fn evaluation(folder: &TempDir) -> Value {
    olive_kit_testing::evaluation("OnnxRuntimeEvaluator", &input(), folder.path())
}

fn input() -> Value {
    json!({"type": "ONNXModel", "model_path": fixture(MODEL)})
}

fn run(request: &Value, events: &Recorder) -> Result<StepOutcome, PluginError> {
    plugin().run(&serde_json::from_value(request.clone()).unwrap(), events)
}

fn measure(request: &Value) -> Result<StepOutcome, PluginError> {
    run(request, &Recorder::default())
}

fn prepare(request: &Value) -> Result<Vec<Diagnostic>, PluginError> {
    let request: StepRequest = serde_json::from_value(request.clone()).unwrap();
    plugin().prepare(&request, &Recorder::default())
}

fn plugin() -> Plugin {
    Plugin::new("onnxruntime", "0.1.0")
        .with_evaluator::<OnnxRuntimeEvaluator>()
        .with_generator::<OnnxRuntimeGenerator>()
}
