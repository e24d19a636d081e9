//! The pass on a GGUF file made of a tiny fixture, and on a real one where it is present.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod tiny;
mod errors;
mod real;
mod export;
mod codes;

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_testing::gguf::GgufFile;
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Plugin, PluginError, StepOutcome, StepRequest};
use olive_plugin_import::ImportGguf;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The file on disk, as long as the folder lives.
fn saved(file: &GgufFile) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tiny.gguf");
    fs::write(&path, file.bytes()).unwrap();
    (dir, path)
}

fn request(gguf: &Path, output: &Path, config: &Value) -> StepRequest {
    let input = json!({"type": "GgufModel", "model_path": gguf});
    let mut request = olive_kit_testing::request("pass", "ImportGguf", &input, output);
    request["config"] = config.clone();
    serde_json::from_value(request).unwrap()
}

fn plugin() -> Plugin {
    Plugin::new("import", "0.1.0").with_pass::<ImportGguf>()
}

fn prepare(gguf: &Path, output: &Path, config: &Value) -> Result<Vec<Diagnostic>, PluginError> {
    plugin().prepare(&request(gguf, output, config), &Recorder::default())
}

fn run(gguf: &Path, output: &Path, config: &Value) -> Result<StepOutcome, PluginError> {
    plugin().run(&request(gguf, output, config), &Recorder::default())
}
