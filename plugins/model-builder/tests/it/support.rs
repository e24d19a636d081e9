//! Requests, listeners and fixtures.

use std::path::Path;

use olive_kit_testing::{file_names, fixture};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Plugin, PluginError, StepOutcome, StepRequest};
use olive_plugin_model_builder::ModelBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A request to build `model` with `config`.
pub(crate) fn request(model: &Path, config: &Value, output: &TempDir) -> Value {
    let input = json!({"type": "HfModel", "model_path": model});
    let mut request = olive_kit_testing::request("pass", "ModelBuilder", &input, output.path());
    request["config"] = config.clone();
    request
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
