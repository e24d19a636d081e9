//! The pass on the model in `model/`, as the host calls it.

use std::fs;
use std::path::Path;

use acme_prune::AcmePrune;
use olive_plugin_api::testing::{Recorder, TestStep, prepare_pass, run_pass};
use olive_plugin_api::{Model, ModelKind, PluginError, StepEvent};
use serde_json::{Value, json};

/// The model that comes with the plugin.
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/model");

fn step(config: Value) -> TestStep {
    TestStep::pass::<AcmePrune>(Model::new(ModelKind::Hf, MODEL), config)
}

/// How many weights the pass sets to zero.
fn zeroed(config: Value) -> u64 {
    let model = run_pass::<AcmePrune>(&step(config), &Recorder::default()).unwrap();
    model.model_attributes["acme_prune_zeroed"]
        .as_u64()
        .unwrap()
}

#[test]
fn a_higher_threshold_prunes_more() {
    let [none, some, more] = [0.0, 0.01, 0.05].map(|t| zeroed(json!({"threshold": t})));
    assert!(none == 0 && some > 0 && more > some, "{none} {some} {more}");
}

#[test]
fn excluded_tensors_stay() {
    let all = zeroed(json!({"threshold": 0.05}));
    let some = zeroed(json!({"threshold": 0.05, "exclude": ["mlp"]}));
    assert!(some > 0 && some < all, "{some} of {all}");
}

#[test]
fn the_model_is_whole() {
    let step = step(json!({"threshold": 0}));
    run_pass::<AcmePrune>(&step, &Recorder::default()).unwrap();
    for name in ["config.json", "model.safetensors"] {
        let made = fs::read(step.output_dir().join(name)).unwrap();
        assert!(
            made == fs::read(Path::new(MODEL).join(name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn progress_ends_where_it_says() {
    let recorder = Recorder::default();
    run_pass::<AcmePrune>(&step(json!({})), &recorder).unwrap();
    let progress = recorder
        .events()
        .into_iter()
        .filter_map(|event| match event {
            StepEvent::Progress { done, total, .. } => Some((done, total)),
            _ => None,
        });
    assert_eq!(progress.last(), Some((12, 12)));
}

#[test]
fn a_step_that_is_cancelled_stops() {
    let error = run_pass::<AcmePrune>(&step(json!({})), &Recorder::stopping_after(3)).unwrap_err();
    assert_eq!(error.code, PluginError::CANCELLED);
}

#[test]
fn a_setting_that_is_unknown_is_refused() {
    let step = step(json!({"treshold": 1}));
    let error = run_pass::<AcmePrune>(&step, &Recorder::default()).unwrap_err();
    assert!(
        error.message.contains("unknown field `treshold`"),
        "{error}"
    );
}

#[test]
fn a_part_that_fits_no_tensor_is_told() {
    let step = step(json!({"exclude": ["mlp", "mpl"]}));
    let told = prepare_pass::<AcmePrune>(&step, &Recorder::default()).unwrap();
    let pointers: Vec<&str> = told.iter().map(|finding| &*finding.pointer).collect();
    assert_eq!(pointers, ["/exclude/1"]);
}
