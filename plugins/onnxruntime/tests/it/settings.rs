//! Inference settings of models and metrics: that they arrive, and which go before which.

use olive_kit_testing::{fixture, request};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{MetricValue, Plugin, PluginError, StepOutcome};
use olive_plugin_onnxruntime::evaluator::OnnxRuntimeEvaluator;
use olive_plugin_onnxruntime::generator::OnnxRuntimeGenerator;
use serde_json::{Value, json};

use crate::has_library;

/// What ONNX Runtime refuses; it says so only when it is asked for it.
fn refused() -> Value {
    pinned(2, "nowhere")
}

/// Threads within a node, of which all but the calling one are pinned.
fn pinned(threads: usize, affinities: &str) -> Value {
    let entries = json!({"session.intra_op_thread_affinities": affinities});
    json!({"intra_op_num_threads": threads, "extra_session_config": entries})
}

fn with(session_options: &Value) -> Value {
    json!({"session_options": session_options})
}

fn latency(asked: Option<&Value>) -> Value {
    let mut metric = json!({
        "name": "speed", "type": "latency", "sub_types": [{"name": "avg"}],
        "user_config": {"prompt_tokens": 4, "warmup_num": 0, "repeat_test_num": 1}
    });
    if let Some(asked) = asked {
        metric["user_config"]["inference_settings"] = json!({"onnx": asked});
    }
    metric
}

/// Runs a step on a tiny model that has settings of its own.
fn run(kind: &str, own: Option<&Value>, config: &Value) -> Result<StepOutcome, PluginError> {
    let folder = tempfile::tempdir().unwrap();
    let mut input = json!({"type": "ONNXModel", "model_path": fixture("builder/tiny-phi3-int4")});
    if let Some(own) = own {
        input["inference_settings"] = own.clone();
    }
    let name = if kind == "generate" { "OnnxRuntimeGenerator" } else { "OnnxRuntimeEvaluator" };
    let mut request = request(kind, name, &input, folder.path());
    request["config"] = config.clone();
    let plugin = Plugin::new("onnxruntime", "0.1.0")
        .with_evaluator::<OnnxRuntimeEvaluator>()
        .with_generator::<OnnxRuntimeGenerator>();
    plugin.run(&serde_json::from_value(request).unwrap(), &Recorder::default())
}

fn measure(own: Option<&Value>, metrics: &[Value]) -> Result<StepOutcome, PluginError> {
    run("evaluate", own, &json!({"metrics": metrics}))
}

#[test]
fn settings_of_the_model_arrive() {
    if !has_library() {
        return;
    }
    let prompt = json!({"prompt": "I won.", "max_new_tokens": 1});
    let bad = with(&refused());
    for error in [
        measure(Some(&bad), &[latency(None)]).unwrap_err(),
        run("generate", Some(&bad), &prompt).unwrap_err(),
    ] {
        assert_eq!(error.code, "onnx-graph");
        assert!(error.to_string().contains("nowhere"), "{error}");
    }
    let good = with(&pinned(2, "1"));
    measure(Some(&good), &[latency(None)]).unwrap();
    run("generate", Some(&good), &prompt).unwrap();
}

#[test]
fn the_number_of_threads_arrives() {
    if !has_library() {
        return;
    }
    // One processor for each thread but the calling one.
    measure(None, &[latency(Some(&with(&pinned(4, "1;1;1"))))]).unwrap();
    let error = measure(None, &[latency(Some(&with(&pinned(3, "1;1;1"))))]).unwrap_err();
    assert_eq!(error.code, "onnx-graph", "{error}");
}

#[test]
fn settings_of_a_metric_go_before_those_of_the_model_and_for_it_alone() {
    if !has_library() {
        return;
    }
    let (bad, good) = (with(&refused()), with(&json!({"enable_mem_pattern": false})));
    measure(Some(&bad), &[latency(Some(&good))]).unwrap();
    // A provider says nothing of options: those of the model stay.
    let provider = json!({"execution_provider": "CPUExecutionProvider"});
    measure(Some(&bad), &[latency(Some(&provider))]).unwrap_err();
    let error = measure(Some(&bad), &[latency(Some(&good)), latency(None)]).unwrap_err();
    assert_eq!(error.code, "onnx-graph", "the second metric has the model's settings: {error}");
    let size = json!({"name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]});
    measure(Some(&good), &[latency(None), size, latency(Some(&good))]).unwrap();
}

#[test]
fn every_option_is_taken() {
    if !has_library() {
        return;
    }
    let options = json!({
        "intra_op_num_threads": 1, "inter_op_num_threads": 2, "execution_mode": 1,
        "graph_optimization_level": 0, "enable_mem_pattern": false, "enable_cpu_mem_arena": false,
        "extra_session_config": {"session.intra_op.allow_spinning": "0", "session.disable_prepacking": true},
        "log_severity_level": 4
    });
    measure(None, &[latency(Some(&with(&options)))]).unwrap();
}

#[test]
fn settings_that_contradict_themselves_are_told() {
    if !has_library() {
        return;
    }
    let (cpu, acme) = ("CPUExecutionProvider", "AcmeExecutionProvider");
    for (settings, code, told) in [
        (json!({"execution_provider": [acme, "OtherProvider"]}), "inference-settings", "takes one"),
        (json!({"execution_provider": []}), "inference-settings", "takes one"),
        (
            json!({"execution_provider": [cpu], "provider_options": [{"use_arena": 1}]}),
            "inference-settings",
            "`CPUExecutionProvider` takes no `provider_options`",
        ),
        (
            json!({"execution_provider": [cpu], "provider_options": [{}, {}]}),
            "inference-settings",
            "`provider_options` has 2 entries for 1 providers",
        ),
        (
            json!({"execution_provider": [acme, cpu]}),
            "execution-provider",
            "`AcmeExecutionProvider`",
        ),
    ] {
        let error = measure(None, &[latency(Some(&settings))]).unwrap_err();
        assert_eq!(error.code, code, "{settings}: {error}");
        assert!(error.to_string().contains(told), "{settings}: {error}");
    }
}

#[test]
fn times_and_memory_are_told_with_what_they_are_sure_of() {
    if !has_library() {
        return;
    }
    let few = json!({
        "prompt_tokens": 8, "max_new_tokens": 3, "warmup_num": 1, "repeat_test_num": 4
    });
    let sub_types = json!([{"name": "avg"}, {"name": "ttft_p50"}, {"name": "itl_p50"}]);
    let metrics = [
        json!({"name": "t", "type": "latency", "sub_types": sub_types, "user_config": few}),
        json!({"name": "m", "type": "memory", "sub_types": [{"name": "peak"}], "user_config": few}),
    ];
    let StepOutcome::Metrics(values) = measure(None, &metrics).unwrap() else { panic!() };
    let keys: Vec<_> = values.iter().map(MetricValue::key).collect();
    assert_eq!(keys, ["t-avg", "t-ttft_p50", "t-itl_p50", "m-peak"]);
    let counts = values.iter().map(|value| value.uncertainty.map(|it| it.count));
    // Four runs are too few for the interval of a median; of 12 steps it has one.
    assert_eq!(counts.collect::<Vec<_>>(), [Some(4), None, Some(12), None]);
    assert!(values.iter().all(|value| value.value > 0.0 && !value.higher_is_better));
    assert!(values[3].value > 1e6, "a process takes more than {}", values[3].value);
}
