//! The pass on a GGUF file made of a tiny fixture, and on a real one where it is present.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod file;
mod tiny;
mod errors;
mod real;

use std::path::{Path, PathBuf};

use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Plugin, PluginError, StepOutcome, StepRequest};
use olive_plugin_import::ImportGguf;
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).join(name)
}

fn request(gguf: &Path, output: &Path, config: &Value) -> StepRequest {
    let request = json!({
        "kind": "pass",
        "name": "ImportGguf",
        "config": config,
        "input": {"type": "GgufModel", "model_path": gguf},
        "output_dir": output,
        "scratch_dir": output,
        "threads": 1,
    });
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
