//! The evaluator and the generator as a worker runs them, on the tiny fixtures.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::fs;
use std::path::Path;

use olive_kit_testing::{fixture, request, write_packed_model};
use olive_plugin_api::testing::{Companion, Recorder, changes, digests, ignored, settings_of};
use olive_plugin_api::{MetricValue, Plugin, PluginError, StepEvent, StepOutcome, StepRequest};
use olive_plugin_evaluate::evaluator::CheckpointEvaluator;
use olive_plugin_evaluate::generator::CheckpointGenerator;
use olive_schemas::types;
use serde_json::{Value, json};
use tempfile::TempDir;

fn evaluation(model: &str, folder: &TempDir) -> Value {
    olive_kit_testing::evaluation("CheckpointEvaluator", &input(model), folder.path())
}

fn input(model: &str) -> Value {
    json!({"type": "HfModel", "model_path": fixture(model)})
}

fn generation(model: &str, folder: &TempDir) -> Value {
    let input = input(model);
    let mut request = request("generate", "CheckpointGenerator", &input, folder.path());
    request["config"] = json!({"prompt": "### Text: I won.", "max_new_tokens": 12});
    request
}

fn with_adapter(mut request: Value, model: &str) -> Value {
    request["input"]["adapter_path"] = json!(fixture(model).join("adapter"));
    request
}

fn run(request: &Value, events: &Recorder) -> Result<StepOutcome, PluginError> {
    let request: StepRequest = serde_json::from_value(request.clone()).unwrap();
    let plugin = Plugin::new("evaluate", "0.1.0")
        .with_evaluator::<CheckpointEvaluator>()
        .with_generator::<CheckpointGenerator>();
    plugin.run(&request, events)
}

fn metrics(request: &Value) -> Vec<MetricValue> {
    match run(request, &Recorder::default()).unwrap() {
        StepOutcome::Metrics(values) => values,
        other => panic!("not metrics: {other:?}"),
    }
}

fn check_refused(request: &Value, code: &str, parts: &[&str]) {
    let error = run(request, &Recorder::default()).unwrap_err();
    assert_eq!(error.code, code, "{error}");
    let text = error.to_string();
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

fn size(model: &str, file: &str) -> f64 {
    fs::metadata(fixture(model).join(file)).unwrap().len() as f64
}

#[test]
fn every_metric_of_a_checkpoint_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let values = metrics(&evaluation("tiny-phi3", &folder));
    let keys: Vec<_> = values.iter().map(MetricValue::key).collect();
    let expected = ["tone-exact_match", "tone-perplexity", "speed-p90", "rate-avg", "size-bytes"];
    assert_eq!(keys, expected);
    assert!(values[1].value > 100.0, "random weights know nothing: {}", values[1].value);
    assert!(values[2].value > 0.0 && values[3].value > 0.0);
    assert!((values[4].value - size("tiny-phi3", "model.safetensors")).abs() < 0.5);
    let records = fs::read_to_string(folder.path().join("examples.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 10, "five rows of two figures");
}

#[test]
fn a_checkpoint_in_4_bits_is_measured_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let [dense, rounded] = ["tiny-llama3", "tiny-llama3-nf4"].map(|model| {
        let values = metrics(&evaluation(model, &folder));
        values[1].value
    });
    assert!((rounded / dense - 1.0).abs() < 0.05, "{dense} {rounded}");
    assert!((rounded / dense - 1.0).abs() > 1e-6, "codes are not the weights");
}

#[test]
fn packed_checkpoints_are_measured_by_their_codes() {
    for (model, packed) in [("tiny-llama", "tiny-llama-gptq"), ("tiny-qwen2", "tiny-qwen2-awq")] {
        let folder = tempfile::tempdir().unwrap();
        let dense = metrics(&evaluation(model, &folder))[1].value;
        let (stored, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_packed_model(packed, stored.path());
        let mut request = evaluation(model, &folder);
        request["input"]["model_path"] = json!(stored.path());
        let values = metrics(&request);
        let rounded = values[1].value;
        assert!((rounded / dense - 1.0).abs() < 0.2, "{packed}: {dense} {rounded}");
        assert!((rounded / dense - 1.0).abs() > 1e-6, "{packed}: codes are not the weights");
        let files = ["plain.safetensors", "codes.safetensors"];
        let bytes = files.map(|file| fs::metadata(stored.path().join(file)).unwrap().len() as f64);
        assert!((values[4].value - bytes.iter().sum::<f64>()).abs() < 0.5, "{packed}");
    }
}

/// What `QLoRA` leaves: the base in floats, and attributes that say which codes it was trained on.
#[test]
fn a_base_that_is_told_to_be_in_4_bits_is_measured_in_4_bits() {
    let folder = tempfile::tempdir().unwrap();
    let perplexity = |request: &Value| metrics(request)[1].value;
    let mut told = evaluation("tiny-llama3", &folder);
    told["input"]["model_attributes"]["quantization_config"] = json!({
        "load_in_4bit": true, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": true,
    });
    let (told, stored) = (perplexity(&told), perplexity(&evaluation("tiny-llama3-nf4", &folder)));
    assert!((told / stored - 1.0).abs() < 1e-3, "{told} {stored}");
    let dense = perplexity(&evaluation("tiny-llama3", &folder));
    assert!((told / dense - 1.0).abs() > 2e-3, "{told} {dense}");

    let mut other = evaluation("tiny-llama3", &folder);
    other["input"]["model_attributes"]["quantization_config"] = json!({"quant_method": "gptq"});
    check_refused(&other, "quantization", &["`quant_method` is `gptq`"]);
}

#[test]
fn an_adapter_changes_what_is_measured() {
    for model in ["tiny-phi3", "tiny-llama"] {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let base = metrics(&evaluation(model, &folders[0]));
        let adapted = metrics(&with_adapter(evaluation(model, &folders[1]), model));
        let (base_perplexity, perplexity) = (base[1].value, adapted[1].value);
        assert!((base_perplexity / perplexity - 1.0).abs() > 1e-3, "{base_perplexity}");
        let bytes = size(model, "adapter/adapter_model.safetensors");
        assert!((adapted[4].value - base[4].value - bytes).abs() < 0.5);
    }
}

/// Runs a generation and checks that its pieces make the whole.
fn generated(request: &Value) -> String {
    let events = Recorder::default();
    let outcome = run(request, &events).unwrap();
    let StepOutcome::Text(text) = outcome else { panic!("not text: {outcome:?}") };
    let events = events.events();
    let pieces = events.iter().map(|event| match event {
        StepEvent::Text { text } => text.as_str(),
        other => panic!("not text: {other:?}"),
    });
    assert_eq!(pieces.collect::<String>(), text);
    text
}

#[test]
fn an_adapter_changes_the_generated_text() {
    let (folder, adapter) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = fixture("tiny-phi3/adapter");
    let config = fs::read_to_string(source.join("adapter_config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["lora_alpha"] = json!(4000);
    fs::write(adapter.path().join("adapter_config.json"), config.to_string()).unwrap();
    let weights = "adapter_model.safetensors";
    fs::write(adapter.path().join(weights), fs::read(source.join(weights)).unwrap()).unwrap();

    let mut request = generation("tiny-phi3", &folder);
    let base = generated(&request);
    request["input"]["adapter_path"] = json!(adapter.path());
    let adapted = generated(&request);
    assert!(!base.is_empty());
    assert_ne!(base, adapted);
}

#[test]
fn a_cancelled_evaluation_ends() {
    let folder = tempfile::tempdir().unwrap();
    let events = Recorder::cancelled();
    let error = run(&evaluation("tiny-phi3", &folder), &events).unwrap_err();
    assert_eq!(error.code, PluginError::CANCELLED);
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let request = generation("no-such-model", &folder);
    check_refused(&request, "checkpoint", &["no-such-model", "does not exist"]);
    let request = with_adapter(generation("tiny-phi3", &folder), "no-such-model");
    check_refused(&request, "adapter", &["no-such-model/adapter", "does not exist"]);
}

#[test]
fn a_model_without_tokenizer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors"] {
        let bytes = fs::read(fixture("tiny-phi3").join(name)).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mut request = generation("tiny-phi3", &folder);
    request["input"]["model_path"] = json!(folder.path());
    check_refused(&request, "tokenizer", &["tokenizer.json"]);
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let request = with_adapter(generation("tiny-phi3", &folder), "tiny-llama");
    check_refused(&request, "adapter-mismatch", &["k_proj", "no linear layer of the model"]);
}

/// Every setting of a metric is changed, one at a time: the figures must be others, or their names,
/// or, of those that only say how long to measure, the work that is told; that a prompt is as long as
/// it was said to be is seen when the model cannot take it.
/// What settings of metrics need beside them, or a value that their schema does not tell.
fn companions() -> Vec<Companion> {
    let timed = || {
        json!([{
            "name": "speed", "type": "latency", "sub_types": [{"name": "avg"}],
            "user_config": {"prompt_tokens": 16, "warmup_num": 1, "repeat_test_num": 2}
        }])
    };
    let classified = |labels: &[&str]| {
        let limit = if labels.is_empty() { 12 } else { 2 };
        json!({"metrics": [{
            "name": "tone", "type": "accuracy", "data_config": "tone",
            "sub_types": [{"name": "f1_score"}],
            "user_config": {"labels": labels, "limit": limit}
        }]})
    };
    let compared = json!({"metrics": [{
        "name": "tone", "type": "accuracy", "data_config": "tone",
        "sub_types": [{"name": "kl_divergence"}],
        "user_config": {"limit": 1, "reference_model": fixture("tiny-phi3")}
    }]});
    let figure = "/metrics/0/sub_types/0/metric_config";
    let setting = |name: &str| format!("{figure}/{name}");
    let often = |pointer, value: usize| {
        Companion::with(pointer, json!({"metrics": timed()})).to(json!(value))
    };
    // One run, after which there is a rest of a second.
    let resting = |pointer| {
        let mut metrics = timed();
        metrics[0]["user_config"] = json!({"warmup_num": 0, "repeat_test_num": 1});
        Companion::with(pointer, json!({"metrics": metrics})).to(json!(1))
    };
    vec![
        Companion::with(setting("task"), classified(&[])).to(json!("binary")),
        Companion::with(setting("num_classes"), classified(&[])).to(json!(7)),
        Companion::with(setting("average"), classified(&[])).to(json!("macro")),
        Companion::with(setting("threshold"), classified(&["joy", "surprise"])).to(json!(1.0)),
        Companion::with(setting("top_k"), classified(&[])).to(json!(3)),
        Companion::with("/metrics/0/user_config/target_delimiter", classified(&[])),
        Companion::with("/metrics/0/user_config/reference_model", compared)
            .to(json!(fixture("tiny-phi3-longrope"))),
        Companion::value("/metrics/0/data_config", json!("other")),
        Companion::value("/metrics/0/sub_types/0/name", json!("perplexity")),
        Companion::with("/metrics/0/user_config/prompt_tokens", json!({"metrics": timed()}))
            .to(json!(1_000_000)),
        often("/metrics/0/user_config/warmup_num", 2),
        often("/metrics/0/user_config/repeat_test_num", 3),
        resting("/metrics/0/user_config/sleep_num"),
        often("/metrics/0/sub_types/0/metric_config/warmup_num", 2),
        often("/metrics/0/sub_types/0/metric_config/repeat_test_num", 3),
        resting("/metrics/0/sub_types/0/metric_config/sleep_num"),
    ]
}

#[test]
fn every_setting_of_a_metric_counts() {
    let mut settings = settings_of(types::evaluator());
    // Samples are written in any case; how many of them go where is the host's business, and how ONNX
    // models are run that of their evaluator.
    settings.retain(|it| {
        !it.is_left_out
            && !["sample_log", "/inference_settings/"].iter().any(|part| it.pointer.contains(part))
    });
    assert!(settings.len() > 9, "{settings:?}");
    let folder = tempfile::tempdir().unwrap();
    let mut config = evaluation("tiny-phi3", &folder)["config"].clone();
    config["metrics"].as_array_mut().unwrap().truncate(1);
    let ignored = ignored(&changes(&config, &settings, &companions()), |config| {
        let mut request = evaluation("tiny-phi3", &folder);
        request["config"] = config.clone();
        request["data_configs"]["other"] = request["data_configs"]["tone"].clone();
        request["data_configs"]["other"]["name"] = json!("other");
        request["data_configs"]["other"]["load_dataset_config"]["data_files"] =
            json!(fixture("tone/train.json"));
        let output = tempfile::tempdir().unwrap();
        request["output_dir"] = json!(output.path());
        measured(&request, output.path())
    });
    assert!(ignored.is_empty(), "accepted and ignored: {ignored:#?}");
}

/// What is measured and told; times themselves left out.
fn measured(request: &Value, output: &Path) -> String {
    let events = Recorder::default();
    let told = match run(request, &events) {
        Ok(StepOutcome::Metrics(mut values)) => {
            let is_time = request["config"]["metrics"][0]["type"] == "latency";
            values.iter_mut().filter(|_| is_time).for_each(|value| value.value = 0.0);
            format!("{values:?}")
        }
        other => format!("{other:?}"),
    };
    let work = events.events().into_iter().map(|event| match event {
        StepEvent::Progress { unit, done, total, .. } => format!("{unit} {done} of {total}"),
        StepEvent::Log { message, .. } | StepEvent::Text { text: message } => message,
    });
    format!("{told} {:?} {:?}", work.collect::<Vec<_>>(), digests(output).unwrap())
}
