//! The evaluator on the model in `model/`, as the host calls it.

use std::fs;
use std::path::Path;

use acme_size::AcmeSize;
use olive_plugin_api::testing::{Recorder, TestStep, run_evaluator};
use olive_plugin_api::{Model, ModelKind};
use serde_json::{Value, json};

/// The model that comes with the plugin.
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/model");

fn config() -> Value {
    let bytes = json!([{"name": "bytes"}]);
    json!({"metrics": [{"name": "size", "type": "size_on_disk", "sub_types": bytes}]})
}

/// What is measured of `model`: names and values.
fn measured(model: Model) -> Vec<(String, f64)> {
    let step = TestStep::evaluator::<AcmeSize>(model, config());
    let values = run_evaluator::<AcmeSize>(&step, &Recorder::default()).unwrap();
    values
        .iter()
        .map(|value| (value.key(), value.value))
        .collect()
}

fn bytes(name: &str) -> f64 {
    fs::metadata(Path::new(MODEL).join(name)).unwrap().len() as f64
}

#[test]
fn every_file_counts() {
    let tokenizer = bytes("tokenizer.json") + bytes("tokenizer_config.json");
    let expected = bytes("config.json") + bytes("model.safetensors") + tokenizer;
    let measured = measured(Model::new(ModelKind::Hf, MODEL));
    assert_eq!(measured, [("size-bytes".to_owned(), expected)]);
}

#[test]
fn the_adapter_counts_too() {
    let file = Path::new(MODEL).join("config.json");
    let model = Model {
        adapter_path: Some(file.clone()),
        ..Model::new(ModelKind::Hf, file)
    };
    assert_eq!(measured(model)[0].1, 2.0 * bytes("config.json"));
}

#[test]
fn a_model_that_is_not_there_is_told_with_its_path() {
    let model = Model::new(ModelKind::Hf, "/no/such/model");
    let step = TestStep::evaluator::<AcmeSize>(model, config());
    let error = run_evaluator::<AcmeSize>(&step, &Recorder::default()).unwrap_err();
    assert_eq!(error.message, "cannot read `/no/such/model`");
}
