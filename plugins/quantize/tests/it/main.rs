//! The passes as the host runs them, on the tiny fixtures and the small tone data.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod passes;
mod layouts;
mod scales;
mod refusals;
mod rotation;
mod spin;
mod smoothing;
mod mixed;
mod budgets;
mod promises;
mod memory;
mod transformers;

use std::path::Path;

use olive_kit_testing::{fixture, tone};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Plugin, PluginError, StepOutcome};
use olive_plugin_quantize::{
    AutoClip, Awq, Gptq, KQuant, QuaRot, Rtn, SelectiveMixedPrecision, SmoothQuant, SpinQuant,
};
use serde_json::{Value, json};

/// Every pass that quantizes, or changes weights for a quantizer by what rounding costs.
pub(crate) const PASSES: [&str; 6] = ["Rtn", "KQuant", "Gptq", "Awq", "AutoClip", "SmoothQuant"];

pub(crate) fn plugin() -> Plugin {
    let plugin = Plugin::new("quantize", "0.1.0").with_pass::<Rtn>().with_pass::<KQuant>();
    let plugin = plugin.with_pass::<Gptq>().with_pass::<Awq>().with_pass::<AutoClip>();
    let plugin = plugin.with_pass::<SmoothQuant>().with_pass::<QuaRot>().with_pass::<SpinQuant>();
    plugin.with_pass::<SelectiveMixedPrecision>()
}

/// Whether a pass calibrates.
pub(crate) fn calibrates(pass: &str) -> bool {
    !["Rtn", "KQuant"].contains(&pass)
}

/// A step of `pass` on the fixture `model`, in groups of 16 where it has groups, on eight
/// samples where it calibrates.
pub(crate) fn request(pass: &str, model: &str, output: &Path) -> Value {
    let input = json!({"type": "HfModel", "model_path": fixture(model)});
    let mut request = olive_kit_testing::request("pass", pass, &input, output);
    request["config"] = if pass == "SmoothQuant" { json!({}) } else { json!({"group_size": 16}) };
    if calibrates(pass) {
        request["config"]["data_config"] = json!("tone");
        request["config"]["nsamples"] = json!(8);
        request["data_configs"]["tone"] = tone(
            "train.json",
            &json!({
                "text_template": "### Text: {phrase}\n### The tone is:\n{tone}",
                "max_seq_len": 32
            }),
        );
    }
    request
}

/// The same with other settings.
pub(crate) fn request_with(pass: &str, model: &str, settings: &Value, output: &Path) -> Value {
    let mut request = request(pass, model, output);
    let config = request["config"].as_object_mut().unwrap();
    config.extend(settings.as_object().unwrap().clone());
    request
}

pub(crate) fn prepare(request: &Value) -> Result<Vec<Diagnostic>, PluginError> {
    let request = serde_json::from_value(request.clone()).unwrap();
    plugin().prepare(&request, &Recorder::default())
}

pub(crate) fn run(request: &Value, events: &Recorder) -> Result<StepOutcome, PluginError> {
    let request = serde_json::from_value(request.clone()).unwrap();
    plugin().run(&request, events)
}

/// Runs a step that is right, and gives its log.
pub(crate) fn made(request: &Value) -> Recorder {
    let events = Recorder::default();
    assert_eq!(prepare(request).unwrap(), []);
    run(request, &events).unwrap();
    events
}

/// `config.json` of a folder.
pub(crate) fn config(dir: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join("config.json")).unwrap()).unwrap()
}
