//! The passes as the host runs them, on the tiny fixtures and the small tone data.

use olive_kit_testing::{fixture, tone};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{
    Diagnostic, Model, Plugin, PluginError, Severity, StepOutcome, StepRequest,
};
use olive_plugin_lora::{Dora, Loftq, Loha, Lokr, Lora, Qlora};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Every pass.
pub(crate) const PASSES: [&str; 6] = ["LoRA", "DoRA", "QLoRA", "LoftQ", "LoHa", "LoKr"];

/// Sets one value of the config.
pub(crate) fn set(config: &mut Value, pointer: &str, value: &Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[key] = value.clone();
}

/// Eight steps of `LoRA` on the small tone data.
pub(crate) fn request(model: &str, output: &TempDir) -> Value {
    let input = json!({"type": "HfModel", "model_path": fixture(model)});
    let mut request = olive_kit_testing::request("pass", "LoRA", &input, output.path());
    request["config"] = json!({
        "r": 8,
        "alpha": 16,
        "lora_dropout": 0.1,
        "torch_dtype": "float32",
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
    });
    request["data_configs"]["tone"] = tone(
        "train.json",
        &json!({
            "text_template": "### Text: {phrase}\n### The tone is:\n{tone}",
            "max_seq_len": 64
        }),
    );
    request
}

/// The same of another pass.
pub(crate) fn request_of(pass: &str, model: &str, output: &TempDir) -> Value {
    let mut request = request(model, output);
    request["name"] = json!(pass);
    if ["LoHa", "LoKr"].contains(&pass) {
        request["config"].as_object_mut().unwrap().remove("lora_dropout");
    }
    request
}

/// The early look.
pub(crate) fn prepare(request: &Value) -> Result<Vec<Diagnostic>, PluginError> {
    plugin().prepare(&parse(request), &Recorder::default())
}

/// The work.
pub(crate) fn run(request: &Value, events: &Recorder) -> Result<Model, PluginError> {
    match plugin().run(&parse(request), events)? {
        StepOutcome::Model(model) => Ok(model),
        other => panic!("{other:?} is no model"),
    }
}

/// Sets one key of the config, and expects one error about it, early and late.
#[track_caller]
pub(crate) fn check_found(pointer: &str, value: &Value, code: &str) -> Diagnostic {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    set(&mut request["config"], pointer, value);
    check_refused(&request, code);
    let problem = prepare(&request).unwrap().remove(0);
    assert!(problem.pointer.starts_with(pointer), "{problem:?}");
    problem
}

/// The early look finds one error, and the work ends with the same.
#[track_caller]
pub(crate) fn check_refused(request: &Value, code: &str) -> PluginError {
    let mut found = prepare(request).unwrap();
    found.retain(|found| found.severity == Severity::Error);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].code.as_str(), code);
    let error = run(request, &Recorder::default()).unwrap_err();
    assert_eq!((&error.code, &error.message), (&found[0].code, &found[0].message));
    error
}

fn parse(request: &Value) -> StepRequest {
    serde_json::from_value(request.clone()).unwrap()
}

/// The plugin.
pub(crate) fn plugin() -> Plugin {
    Plugin::new("lora", "0.1.0")
        .with_pass::<Lora>()
        .with_pass::<Dora>()
        .with_pass::<Qlora>()
        .with_pass::<Loftq>()
        .with_pass::<Loha>()
        .with_pass::<Lokr>()
}
