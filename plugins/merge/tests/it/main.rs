//! The pass on the tiny fixtures, against the weights PEFT merged.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lora;
mod methods;
mod quantized;

use std::path::Path;

use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Plugin, PluginError, StepOutcome, StepRequest};
use olive_plugin_merge::MergeAdapterWeights;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Largest difference of `f32` weights that are at most about 1: another order of summation.
pub(crate) const CLOSE: f32 = 1e-6;

pub(crate) fn request(model: &Path, adapter: Option<&str>, output: &TempDir) -> Value {
    let input = json!({
        "type": "HfModel",
        "model_path": model,
        "adapter_path": adapter.map(|adapter| model.join(adapter)),
    });
    olive_kit_testing::request("pass", "MergeAdapterWeights", &input, output.path())
}

pub(crate) fn parse(request: &Value) -> StepRequest {
    serde_json::from_value(request.clone()).unwrap()
}

pub(crate) fn plugin() -> Plugin {
    Plugin::new("merge", "0.1.0").with_pass::<MergeAdapterWeights>()
}

pub(crate) fn prepare(request: &Value) -> Result<Vec<Diagnostic>, PluginError> {
    plugin().prepare(&parse(request), &Recorder::default())
}

pub(crate) fn run(request: &Value, events: &Recorder) -> Result<StepOutcome, PluginError> {
    plugin().run(&parse(request), events)
}
