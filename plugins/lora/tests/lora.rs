//! The pass on the tiny fixtures and the small tone data, as the host runs it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_checkpoint::{Adapter, AdapterConfig};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Plugin, PluginError, Severity, StepOutcome, StepRequest};
use olive_plugin_lora::Lora;
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn an_adapter_learns_and_is_written_as_peft_does() {
    for (model, targets) in [
        ("tiny-phi3", vec!["o_proj", "qkv_proj"]),
        ("tiny-phi3-longrope", vec!["o_proj", "qkv_proj"]),
        ("tiny-llama", vec!["q_proj", "v_proj"]),
    ] {
        let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
        let mut request = request(model, &output);
        request["config"]["eval_dataset_size"] = json!(0.25);
        request["config"]["training_args"]["eval_steps"] = json!(4);
        assert_eq!(prepare(&request).unwrap(), []);
        let StepOutcome::Model(model) = run(&request, &events).unwrap() else { panic!() };
        let folder = output.path().join("adapter");
        assert_eq!(model.adapter_path.as_ref(), Some(&folder));
        let adapter = Adapter::open(&folder).unwrap();
        assert_eq!(adapter.config().target_modules, Some(json!(targets)));
        assert_eq!(adapter.modules().count(), 2 * targets.len());
        let steps = events.figures();
        assert_eq!(steps.len(), 8);
        assert!(steps[7]["loss"] < steps[0]["loss"]);
        let evaluated = steps.iter().filter(|figures| figures.contains_key("eval_loss")).count();
        assert_eq!(evaluated, 2);
        assert!(steps.iter().all(|figures| figures["tokens_per_second"] > 0.0));
    }
}

#[test]
fn the_config_has_the_keys_peft_writes() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["config"]["r"] = json!(4);
    request["config"]["alpha"] = json!(8);
    request["config"]["lora_dropout"] = json!(0.0);
    run(&request, &Recorder::default()).unwrap();
    let ours = AdapterConfig::read(&output.path().join("adapter")).unwrap();
    let mut peft = AdapterConfig::read(&fixture("tiny-phi3").join("adapter")).unwrap();
    peft.base_model_name_or_path = None;
    assert_eq!(ours, peft);
    let names = |dir: &Path| -> Vec<String> {
        Adapter::open(dir).unwrap().modules().map(str::to_owned).collect()
    };
    let expected = names(&fixture("tiny-phi3").join("adapter"));
    assert_eq!(names(&output.path().join("adapter")), expected);
}

#[test]
fn same_request_same_bytes() {
    let bytes = |seed: u64| {
        let output = tempfile::tempdir().unwrap();
        let mut request = request("tiny-phi3", &output);
        request["config"]["training_args"]["seed"] = json!(seed);
        run(&request, &Recorder::default()).unwrap();
        fs::read(output.path().join("adapter/adapter_model.safetensors")).unwrap()
    };
    let first = bytes(0);
    assert!(first == bytes(0));
    assert!(first != bytes(1));
}

#[test]
fn every_linear_layer_can_be_adapted() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-llama", &output);
    request["config"]["target_modules"] = json!("all-linear");
    request["config"]["training_args"]["max_steps"] = json!(1);
    request["config"]["training_args"]["gradient_checkpointing"] = json!(true);
    run(&request, &Recorder::default()).unwrap();
    let adapter = Adapter::open(output.path().join("adapter")).unwrap();
    assert_eq!(adapter.modules().count(), 14);
}

#[test]
fn unknown_targets_are_named_with_what_was_meant() {
    let problem = check_found("/target_modules", &json!(["o_proj", "qvk_proj"]), "unknown-module");
    assert_eq!(problem.pointer, "/target_modules/1");
    assert_eq!(problem.help.as_deref(), Some("did you mean `qkv_proj`?"));
    let problem = check_found("/target_modules", &json!(["lm_head"]), "unknown-module");
    let known = "the model has `down_proj`, `gate_up_proj`, `o_proj`, `qkv_proj`";
    assert_eq!(problem.help.as_deref(), Some(known));
    check_found("/target_modules", &json!([]), "unknown-module");
}

#[test]
fn what_is_not_honoured_is_refused() {
    for (pointer, value) in [
        ("/bias", json!("all")),
        ("/modules_to_save", json!(["lm_head"])),
        ("/training_args/optim", json!("sgd")),
        ("/training_args/label_smoothing_factor", json!(0.1)),
        ("/training_args/logging_steps", json!(0.5)),
        ("/use_dora", json!(true)),
    ] {
        let output = tempfile::tempdir().unwrap();
        let mut request = request("tiny-phi3", &output);
        set(&mut request["config"], pointer, &value);
        assert_eq!(prepare(&request).unwrap_err().code, "config", "{pointer}");
    }
}

#[test]
fn evaluation_that_is_due_after_the_end_is_a_warning() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["config"]["eval_dataset_size"] = json!(0.25);
    let args = request["config"]["training_args"].as_object_mut().unwrap();
    args.remove("max_steps");
    args.insert("num_train_epochs".to_owned(), json!(1));
    args.insert("eval_steps".to_owned(), json!(187.0));
    let found = prepare(&request).unwrap().remove(0);
    assert_eq!((found.severity, found.code.as_str()), (Severity::Warning, "no-effect"));
    assert_eq!(found.pointer, "/training_args/eval_steps");
    assert!(
        found.message.starts_with("evaluation never runs: it is due every 187 of "),
        "{found:?}"
    );
}

#[test]
fn data_that_makes_no_block_is_named() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    let data = &mut request["data_configs"]["tone"]["pre_process_data_config"];
    data["max_seq_len"] = json!(1_000_000);
    let error = check_refused(&request, "empty-data");
    assert!(error.message.contains("tokens of 400 rows fill no block of 1000000"), "{error}");
    let data = &mut request["data_configs"]["tone"]["pre_process_data_config"];
    data["text_template"] = json!("{phrse}");
    let error = check_refused(&request, "template");
    assert!(error.message.contains("phrse"), "{error}");
    let missing = output.path().join("none.json");
    request["data_configs"]["tone"]["load_dataset_config"]["data_files"] = json!(missing);
    let error = check_refused(&request, "io");
    assert!(error.message.contains("none.json"), "{error}");
}

#[test]
fn a_split_leaves_both_sides_something() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["config"]["eval_dataset_size"] = json!(100_000);
    check_refused(&request, "eval-split");
    request["config"]["eval_dataset_size"] = json!(1.5);
    check_refused(&request, "eval-split");
}

#[test]
fn an_adapter_on_an_adapter_is_refused() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["input"]["adapter_path"] = json!(fixture("tiny-phi3").join("adapter"));
    check_refused(&request, "adapter-present");
}

#[test]
fn a_step_stops_when_asked() {
    let output = tempfile::tempdir().unwrap();
    let events = Recorder::cancelled();
    let error = run(&request("tiny-phi3", &output), &events).unwrap_err();
    assert_eq!(error.code, PluginError::CANCELLED);
    assert!(!output.path().join("adapter").exists());
}

#[test]
fn numbers_that_are_none_end_the_step() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["config"]["training_args"]["learning_rate"] = json!(1e30);
    let error = run(&request, &Recorder::default()).unwrap_err();
    assert_eq!(error.code, "not-finite");
    assert!(error.help.unwrap().contains("learning_rate"));
}

/// Sets one key of the config, and expects one error about it, early and late.
fn check_found(pointer: &str, value: &Value, code: &str) -> Diagnostic {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    set(&mut request["config"], pointer, value);
    check_refused(&request, code);
    let problem = prepare(&request).unwrap().remove(0);
    assert!(problem.pointer.starts_with(pointer), "{problem:?}");
    problem
}

/// The early look finds one error, and the work ends with the same.
fn check_refused(request: &Value, code: &str) -> PluginError {
    let found = prepare(request).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].severity, found[0].code.as_str()), (Severity::Error, code));
    let error = run(request, &Recorder::default()).unwrap_err();
    assert_eq!((&error.code, &error.message), (&found[0].code, &found[0].message));
    error
}

fn set(config: &mut Value, pointer: &str, value: &Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[key] = value.clone();
}

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).join(name)
}

/// Eight steps on the small tone data.
fn request(model: &str, output: &TempDir) -> Value {
    json!({
        "kind": "pass",
        "name": "LoRA",
        "config": {
            "r": 8,
            "alpha": 16,
            "lora_dropout": 0.1,
            "train_data_config": "tone",
            "training_args": {
                "seed": 0,
                "data_seed": 42,
                "per_device_train_batch_size": 2,
                "gradient_accumulation_steps": 2,
                "gradient_checkpointing": false,
                "learning_rate": 0.01,
                "max_steps": 8,
                "logging_steps": 4,
                "group_by_length": true,
                "max_grad_norm": 0.3
            }
        },
        "input": {"type": "HfModel", "model_path": fixture(model)},
        "data_configs": {"tone": {
            "name": "tone",
            "load_dataset_config": {
                "data_name": "json",
                "data_files": fixture("tone/train.json")
            },
            "pre_process_data_config": {
                "text_template": "### Text: {phrase}\n### The tone is:\n{tone}",
                "max_seq_len": 64
            }
        }},
        "output_dir": output.path(),
        "scratch_dir": output.path(),
        "threads": 2
    })
}

fn parse(request: &Value) -> StepRequest {
    serde_json::from_value(request.clone()).unwrap()
}

fn plugin() -> Plugin {
    Plugin::new("lora", "0.1.0").with_pass::<Lora>()
}

fn prepare(request: &Value) -> Result<Vec<Diagnostic>, PluginError> {
    plugin().prepare(&parse(request), &Recorder::default())
}

fn run(request: &Value, events: &Recorder) -> Result<StepOutcome, PluginError> {
    plugin().run(&parse(request), events)
}
