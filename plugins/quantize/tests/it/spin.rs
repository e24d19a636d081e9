//! `SpinQuant` learns a rotation that rounded weights err less under, and changes nothing else.

use std::fs;
use std::path::Path;

use olive_kit_testing::{file_names, fixture, largest_difference};
use olive_plugin_api::PluginError;
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};

use crate::rotation::{LOGITS, logits};
use crate::{made, plugin, prepare, run};

#[test]
fn logits_stay_and_the_error_falls() {
    for model in ["tiny-llama", "tiny-phi3", "tiny-gemma", "tiny-llama-bias"] {
        let output = tempfile::tempdir().unwrap();
        let settings = json!({"training_args": {"max_steps": 20}});
        let events = made(&request(model, &settings, output.path()));
        let (before, after) = (logits(model, &fixture(model)), logits(model, output.path()));
        let largest = largest_difference(&after, &before);
        assert!(largest <= LOGITS, "{model}: logits differ by {largest}");
        let figures = events.figures();
        let whole = figures.iter().find(|it| it.contains_key("loss_before")).unwrap();
        let (loss, before) = (whole["loss"], whole["loss_before"]);
        assert!(loss > 0.0 && loss < 0.99 * before, "{model}: {before} {loss}");
        let steps: Vec<f64> = figures.iter().filter_map(|it| it.get("loss").copied()).collect();
        assert!(steps.len() > 3 && steps.windows(2).all(|pair| pair[1] <= pair[0]), "{steps:?}");
    }
}

#[test]
fn each_setting_of_a_learned_rotation_counts_and_threads_do_not() {
    let of = |settings: Value, threads: usize| {
        let output = tempfile::tempdir().unwrap();
        let mut request = request("tiny-llama", &settings, output.path());
        request["threads"] = json!(threads);
        made(&request);
        fs::read(output.path().join("model.safetensors")).unwrap()
    };
    let usual = of(json!({}), 1);
    assert!(usual == of(json!({"bits": 4, "sym": false, "lm_head": false}), 3));
    for settings in [
        json!({"seed": 1}),
        json!({"rotate_mode": "random"}),
        json!({"bits": 3}),
        json!({"group_size": 32}),
        json!({"group_size": -1}),
        json!({"sym": true}),
        json!({"lm_head": true}),
        json!({"nsamples": 2}),
        json!({"training_args": {"max_steps": 1}}),
        json!({"training_args": {"max_steps": 6, "learning_rate": 0.01}}),
    ] {
        assert!(usual != of(settings.clone(), 1), "{settings}");
    }
}

#[test]
fn what_a_rotation_cannot_be_learned_for_is_refused() {
    for (model, settings, code, pointer) in [
        ("tiny-gemma2", json!({}), "not-supported", ""),
        ("tiny-llama", json!({"group_size": 128}), "out-of-range", "/group_size"),
        ("tiny-llama", json!({"data_config": null}), "missing-setting", "/data_config"),
        (
            "tiny-llama",
            json!({"training_args": {"learning_rate": 0.0}}),
            "out-of-range",
            "/training_args/learning_rate",
        ),
    ] {
        let output = tempfile::tempdir().unwrap();
        let request = request(model, &settings, output.path());
        let found = prepare(&request).unwrap();
        let places: Vec<_> = found.iter().map(|it| (&*it.code, &*it.pointer)).collect();
        assert_eq!(places, [(code, pointer)], "{settings}");
        assert!(found[0].help.is_some(), "{found:?}");
        let error = run(&request, &Recorder::default()).unwrap_err();
        assert_eq!(error.message, found[0].message);
        assert_eq!(file_names(output.path()), [""; 0]);
    }
}

#[test]
fn rounded_activations_are_refused_unless_they_are_none() {
    let plugin = plugin();
    let pass = plugin.descriptor().passes.iter().find(|it| it.name == "SpinQuant").unwrap();
    let mark = &pass.schema["x-olive-unavailable"]["a_bits"];
    assert!(mark["reason"].as_str().is_some_and(|reason| reason.contains("stay in floats")));
    assert_eq!(mark["unless"], json!([null, 16]));
}

#[test]
fn learning_that_is_stopped_leaves_no_weights() {
    for count in [0, 4] {
        let output = tempfile::tempdir().unwrap();
        let request = request("tiny-llama", &json!({}), output.path());
        let error = run(&request, &Recorder::stopping_after(count)).unwrap_err();
        assert_eq!(error.code, PluginError::CANCELLED, "{error}");
        assert_eq!(file_names(output.path()), [""; 0]);
    }
}

/// A step in groups of 16 on eight samples, of six steps.
fn request(model: &str, settings: &Value, output: &Path) -> Value {
    let mut request = crate::request("SpinQuant", model, output);
    let config = request["config"].as_object_mut().unwrap();
    config.insert("training_args".to_owned(), json!({"max_steps": 6}));
    config.extend(settings.as_object().unwrap().clone());
    request
}
