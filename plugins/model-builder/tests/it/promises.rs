//! No setting of the pass is accepted and ignored.
//!
//! Every setting that the schema has is changed, one at a time, and a tiny model is built: what is
//! found or written must be another. That the change is the right one is held elsewhere.

use olive_plugin_api::testing::{Companion, Recorder, changes, digests, ignored, settings_of};
use olive_plugin_api::{Pass, PluginError};
use olive_plugin_model_builder::ModelBuilder;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use olive_kit_testing::fixture;

use crate::support::{prepare, request, run};

#[test]
fn every_setting_counts() {
    let generator = SchemaSettings::draft07().into_generator();
    let schema = generator.into_root_schema_for::<<ModelBuilder as Pass>::Config>();
    let mut settings = settings_of(&schema.to_value());
    settings.retain(|setting| !setting.is_left_out);
    assert!(settings.len() > 55, "{settings:?}");
    let config = json!({"precision": "int4"});
    let adapter = fixture("tiny-llama").join("adapter");
    let companions = [
        Companion::value("/extra_options/filename", json!("tiny.onnx")),
        Companion::value("/extra_options/adapter_path", json!(adapter)),
    ];
    let ignored = ignored(&changes(&config, &settings, &companions), seen);
    assert!(ignored.is_empty(), "accepted and ignored: {ignored:#?}");
}

/// What the pass finds and writes with `config`, for a plain model and for one with norms of heads
/// and a sliding window.
fn seen(config: &Value) -> String {
    ["tiny-llama", "tiny-qwen3"].map(|model| seen_of(model, config)).concat()
}

fn seen_of(model: &str, config: &Value) -> String {
    let output = tempfile::tempdir().unwrap();
    let request = request(&fixture(model), config, &output);
    let (found, made) = (prepare(&request), run(&request, &Recorder::default()));
    let is_unread = |error: &PluginError| error.code == "config";
    assert!(
        !made.as_ref().is_err_and(is_unread),
        "the schema takes it, the pass does not: {made:?}"
    );
    let files = digests(output.path()).unwrap();
    let seen = format!("{found:?} {made:?} {files:?}");
    seen.replace(&output.path().display().to_string(), "output")
}
