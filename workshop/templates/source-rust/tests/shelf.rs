//! The source on the folder of this plugin, as the host calls it.

use std::fs;
use std::path::{Path, PathBuf};

use acme_shelf::AcmeShelf;
use olive_plugin_api::PluginError;
use olive_plugin_api::testing::{Recorder, TestStep, run_source};
use serde_json::{Value, json};

const SHELF: &str = env!("CARGO_MANIFEST_DIR");

fn step(reference: Value) -> TestStep {
    TestStep::source::<AcmeShelf>(reference)
}

fn fetch(step: &TestStep) -> Result<PathBuf, PluginError> {
    run_source::<AcmeShelf>(step, &Recorder::default())
}

#[test]
fn a_folder_comes_whole() {
    let step = step(json!({"shelf": SHELF, "item": "model"}));
    let folder = fetch(&step).unwrap();
    assert_eq!(folder, step.output_dir().join("model"));
    for name in ["config.json", "model.safetensors"] {
        let fetched = fs::read(folder.join(name)).unwrap();
        assert!(fetched == fs::read(Path::new(SHELF).join("model").join(name)).unwrap(), "{name}");
    }
}

#[test]
fn a_file_comes_from_its_revision() {
    let step = step(json!({"shelf": SHELF, "revision": "model", "item": "config.json"}));
    assert!(fetch(&step).unwrap().is_file());
}

#[test]
fn what_is_not_there_is_told() {
    let error = fetch(&step(json!({"shelf": SHELF, "item": "nothing"}))).unwrap_err();
    assert_eq!(error.code, "not-on-shelf");
    assert_eq!(error.message, format!("`{SHELF}` has no `nothing`"));
}

#[test]
fn a_fetch_that_is_cancelled_stops() {
    let step = step(json!({"shelf": SHELF, "item": "model"}));
    let error = run_source::<AcmeShelf>(&step, &Recorder::stopping_after(1)).unwrap_err();
    assert_eq!(error.code, PluginError::CANCELLED);
}
