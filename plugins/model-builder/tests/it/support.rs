//! Requests, listeners and fixtures.

use std::path::{Path, PathBuf};

use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Plugin, PluginError, StepOutcome, StepRequest};
use olive_plugin_model_builder::ModelBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A fixture of the repository.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).join(name)
}

/// A request to build `model` with `config`.
pub(crate) fn request(model: &Path, config: &Value, output: &TempDir) -> Value {
    json!({
        "kind": "pass",
        "name": "ModelBuilder",
        "config": config,
        "input": { "type": "HfModel", "model_path": model },
        "output_dir": output.path(),
        "scratch_dir": output.path(),
        "threads": 2,
    })
}

pub(crate) fn run(request: &Value, events: &Recorder) -> Result<StepOutcome, PluginError> {
    plugin().run(&parse(request), events)
}

pub(crate) fn prepare(request: &Value) -> Result<Vec<Diagnostic>, PluginError> {
    plugin().prepare(&parse(request), &Recorder::default())
}

/// The folder that building the fixture `model` with `config` fills.
pub(crate) fn built(model: &str, config: &Value) -> TempDir {
    let output = tempfile::tempdir().unwrap();
    run(&request(&fixture(model), config, &output), &Recorder::default()).unwrap();
    output
}

/// Names of the files in `dir`, sorted.
pub(crate) fn file_names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// A copy of the files of a fixture, without its folders.
pub(crate) fn copied(name: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in file_names(&fixture(name)) {
        let path = fixture(name).join(&file);
        if path.is_file() {
            std::fs::copy(path, dir.path().join(file)).unwrap();
        }
    }
    dir
}

fn plugin() -> Plugin {
    Plugin::new("model-builder", "0.0.0").with_pass::<ModelBuilder>()
}

fn parse(request: &Value) -> StepRequest {
    serde_json::from_value(request.clone()).unwrap()
}
