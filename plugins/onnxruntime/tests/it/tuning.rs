//! The fastest way to run a model, tried on a tiny one: what is tried, told and kept, not how fast.

use std::fs;

use olive_kit_testing::{file_names, fixture, request, tone};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Model, Plugin, PluginError, StepOutcome};
use olive_plugin_onnxruntime::OrtSessionParamsTuning;
use serde_json::{Value, json};

use crate::has_library;

const MODEL: &str = "builder/tiny-phi3-int4";

/// As short as a duel can be.
fn short(mut config: Value) -> Value {
    for (key, value) in [("prompt_tokens", 4), ("max_new_tokens", 1), ("repeat_test_num", 3)] {
        config[key] = json!(value);
    }
    config
}

fn step(config: &Value, output: &std::path::Path) -> Value {
    let input = json!({"type": "ONNXModel", "model_path": fixture(MODEL)});
    let mut step = request("pass", "OrtSessionParamsTuning", &input, output);
    step["config"] = config.clone();
    step
}

fn plugin() -> Plugin {
    Plugin::new("onnxruntime", "0.1.0").with_pass::<OrtSessionParamsTuning>()
}

fn run(step: &Value, events: &Recorder) -> Result<Model, PluginError> {
    match plugin().run(&serde_json::from_value(step.clone()).unwrap(), events)? {
        StepOutcome::Model(model) => Ok(model),
        other => panic!("no model: {other:?}"),
    }
}

fn prepare(config: &Value) -> Result<Vec<Diagnostic>, PluginError> {
    let folder = tempfile::tempdir().unwrap();
    let request = serde_json::from_value(step(config, folder.path())).unwrap();
    plugin().prepare(&request, &Recorder::default())
}

#[test]
fn the_model_stays_where_it_is_and_says_how_it_is_run_best() {
    if !has_library() {
        return;
    }
    let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
    let mut step =
        step(&short(json!({"data_config": "tone", "opt_level_list": [0, 99]})), output.path());
    step["data_configs"]["tone"] = tone("test.json", &json!({"text_template": "{phrase}"}));
    let model = run(&step, &events).unwrap();
    assert_eq!(model.model_path, fixture(MODEL));
    assert_eq!(file_names(output.path()), Vec::<String>::new(), "nothing is copied");
    let logs = events.logs();
    // Two threads of the step and half of them, at two levels, beside the model's own way.
    assert_eq!(logs.len(), 5, "{logs:#?}");
    for (log, (threads, level)) in logs.iter().zip([(2, 0), (1, 0), (2, 99), (1, 99)]) {
        let way = json!({"intra_op_num_threads": threads, "graph_optimization_level": level});
        assert!(log.starts_with(&format!("`CPUExecutionProvider {way}`: ")), "{log}");
        assert!(log.contains("ms; ratio ") && log.contains("with 95 % confidence"), "{log}");
    }
    match model.inference_settings {
        None => assert_eq!(logs[4], "fastest: as the model was run before"),
        Some(best) => {
            let best = serde_json::to_value(best).unwrap();
            let providers = &best["execution_provider"];
            assert_eq!(providers, &json!(["CPUExecutionProvider"]));
            assert_eq!(
                logs[4],
                format!("fastest: `CPUExecutionProvider {}`", best["session_options"])
            );
        }
    }
}

#[test]
fn a_way_that_the_runtime_refuses_is_told_and_left_out() {
    if !has_library() {
        return;
    }
    let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
    let pinned = json!({"session.intra_op_thread_affinities": "nowhere"});
    let mut step = step(&short(json!({"extra_session_config": pinned})), output.path());
    let own = json!({"session_options": {"intra_op_num_threads": 1}});
    step["input"]["inference_settings"] = own.clone();
    let model = run(&step, &events).unwrap();
    assert_eq!(serde_json::to_value(model.inference_settings).unwrap(), own);
    let logs = events.logs();
    assert_eq!(logs.len(), 2, "{logs:#?}");
    assert!(logs[0].contains("cannot be tried: cannot load the graph"), "{}", logs[0]);
    assert!(logs[0].contains("nowhere"), "{}", logs[0]);
}

#[test]
fn the_ways_of_the_model_are_not_tried_against_itself() {
    if !has_library() {
        return;
    }
    let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
    let step = step(&short(json!({"intra_thread_num_list": 2})), output.path());
    run(&step, &events).unwrap();
    assert_eq!(events.logs(), ["fastest: as the model was run before"], "the step has two threads");
}

#[test]
fn a_tuning_stops_when_it_is_asked_to() {
    if !has_library() {
        return;
    }
    let output = tempfile::tempdir().unwrap();
    let error = run(&step(&json!({}), output.path()), &Recorder::stopping_after(1)).unwrap_err();
    assert_eq!(error.code, PluginError::CANCELLED);
}

#[test]
fn what_cannot_be_tried_is_told_before_anything_runs() {
    if !has_library() {
        return;
    }
    assert_eq!(prepare(&json!({})).unwrap(), []);
    let found = prepare(&json!({"providers_list": ["CUDAExecutionProvider"]})).unwrap();
    assert_eq!((&*found[0].code, &*found[0].pointer), ("execution-provider", "/providers_list"));
    let error = prepare(&json!({
        "providers_list": ["AcmeExecutionProvider"], "force_evaluate_other_eps": true
    }));
    assert_eq!(error.unwrap_err().code, "execution-provider");
    let error = prepare(&json!({"provider_options_list": {"use_arena": true}})).unwrap_err();
    assert_eq!(error.code, "inference-settings");
}

#[test]
fn a_graph_that_is_no_decoder_is_refused() {
    let (input, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(input.path().join("model.onnx"), "").unwrap();
    let mut step = step(&json!({}), output.path());
    step["input"]["model_path"] = json!(input.path());
    let error = run(&step, &Recorder::default()).unwrap_err();
    assert_eq!(error.code, "io");
    assert!(error.to_string().contains("genai_config.json"), "{error}");
}
