//! What the passes make and say.

use std::fs;

use olive_kit_checkpoint::{Checkpoint, Decoder, PackedCheckpoint};
use olive_kit_testing::{DENSE_MODELS, file_names, fixture};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{StepEvent, StepOutcome};
use serde_json::json;

use crate::{PASSES, calibrates, config, made, prepare, request, request_with, run};

#[test]
fn every_family_becomes_a_folder_that_is_read() {
    let has_groups = |model: &&str| {
        let checkpoint = Checkpoint::open(fixture(model)).unwrap();
        let mut linears = checkpoint.decoder().linears_of_layers();
        linears.all(|linear| linear.in_features.is_multiple_of(16))
    };
    let (models, others): (Vec<&str>, Vec<&str>) =
        DENSE_MODELS.iter().copied().partition(has_groups);
    for model in others {
        let output = tempfile::tempdir().unwrap();
        let found = prepare(&request("Rtn", model, output.path())).unwrap();
        assert!(found[0].message.contains("does not divide"), "{model}: {found:?}");
    }
    assert!(models.len() > 4, "{models:?}");
    for model in models {
        for pass in ["Rtn", "Gptq", "Awq"] {
            let output = tempfile::tempdir().unwrap();
            made(&request(pass, model, output.path()));
            let checkpoint = PackedCheckpoint::open(output.path()).unwrap();
            checkpoint.validate().unwrap();
            let decoder = &checkpoint.description().decoder;
            for linear in decoder.linears_of_layers() {
                let layer = checkpoint.layer(&linear.name).unwrap();
                assert_eq!((layer.format.bits.count(), layer.format.block_size), (4, 16));
            }
            assert!(checkpoint.layer(Decoder::LM_HEAD_MODULE).is_none());
        }
    }
}

#[test]
fn what_belongs_to_the_model_comes_along() {
    let output = tempfile::tempdir().unwrap();
    made(&request("Rtn", "tiny-llama", output.path()));
    let names = file_names(output.path());
    for name in ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
    let of = |dir: &std::path::Path| fs::read(dir.join("tokenizer.json")).unwrap();
    assert!(of(output.path()) == of(&fixture("tiny-llama")));
}

#[test]
fn each_layer_has_its_error_in_the_events_and_a_line() {
    for pass in PASSES {
        let output = tempfile::tempdir().unwrap();
        let events = made(&request(pass, "tiny-llama", output.path()));
        let errors = errors(&events);
        assert_eq!(errors.len(), 2, "{pass}");
        assert!(errors.iter().all(|error| *error > 0.0 && *error < 0.5), "{pass}: {errors:?}");
        let logs = events.logs();
        let starts = |start: &str| logs.iter().any(|line| line.starts_with(start));
        assert!(starts("layer 1 of 2: error 0.") && starts("layer 2 of 2: error 0."), "{logs:?}");
        assert!(starts("relative error of layers: ") && starts("weights: "), "{logs:?}");
        let is_told = starts("8 samples of 256 tokens to calibrate on, drawn from ");
        assert_eq!(is_told, calibrates(pass), "{logs:?}");
    }
}

#[test]
fn calibration_lowers_the_error_of_the_outputs() {
    let error = |pass: &str, settings| {
        let output = tempfile::tempdir().unwrap();
        let settings: serde_json::Value = settings;
        let events = made(&request_with(pass, "tiny-llama", &settings, output.path()));
        errors(&events).iter().sum::<f64>()
    };
    // One exponent and the whole range: nothing but rounding to nearest, measured on the same data.
    let nearest = json!({"apply_clip": false, "n_grid": 1, "duo_scaling": false});
    let nearest = error("Awq", nearest);
    for (pass, settings) in [
        ("Gptq", json!({})),
        ("Gptq", json!({"desc_act": true})),
        ("Gptq", json!({"desc_act": false})),
        ("Gptq", json!({"true_sequential": false})),
        ("Awq", json!({})),
        ("Awq", json!({"duo_scaling": false})),
    ] {
        let found = error(pass, settings.clone());
        assert!(found < nearest, "{pass} {settings}: {found} {nearest}");
    }
}

#[test]
fn an_embedding_that_makes_logits_is_solved_for_them() {
    let of = |pass: &str, model: &str| {
        let output = tempfile::tempdir().unwrap();
        let events = made(&request_with(pass, model, &json!({"embeds": true}), output.path()));
        let told = format!("`{}`: error ", Decoder::EMBEDDING_MODULE);
        let logs = events.logs();
        let error = logs.iter().find_map(|line| line.strip_prefix(&told)).unwrap();
        let error: f64 = error.parse().unwrap();
        let packed = PackedCheckpoint::open(output.path()).unwrap();
        let linear = packed.description().decoder.embedding_table();
        (error, crate::layouts::dequantized(&packed, &linear))
    };
    let (nearest, solved) = (of("Rtn", "tiny-llama"), of("Gptq", "tiny-llama"));
    assert!(solved.0 < nearest.0, "{} {}", solved.0, nearest.0);
    assert!(solved.1 != nearest.1);
    // With a weight of their own the logits say nothing of the embedding.
    assert!(of("Rtn", "tiny-phi3") == of("Gptq", "tiny-phi3"));
}

#[test]
fn same_input_same_bytes_with_any_number_of_threads() {
    for pass in PASSES {
        let folders = [1, 3].map(|threads| {
            let output = tempfile::tempdir().unwrap();
            let mut request = request(pass, "tiny-phi3", output.path());
            request["threads"] = json!(threads);
            made(&request);
            fs::read(output.path().join("model.safetensors")).unwrap()
        });
        assert!(folders[0] == folders[1], "{pass}");
    }
}

#[test]
fn fewer_samples_than_asked_for_are_told() {
    let output = tempfile::tempdir().unwrap();
    let settings = json!({"nsamples": 1_000_000});
    let events = made(&request_with("Gptq", "tiny-llama", &settings, output.path()));
    let is_told = |line: &String| line.ends_with("samples, fewer than the 1000000 wanted");
    assert!(events.logs().iter().any(is_told), "{:?}", events.logs());
}

#[test]
fn clipped_weights_stay_in_floats_within_their_ranges() {
    let output = tempfile::tempdir().unwrap();
    made(&request("AutoClip", "tiny-llama", output.path()));
    let (before, after) = (
        Checkpoint::open(fixture("tiny-llama")).unwrap(),
        Checkpoint::open(output.path()).unwrap(),
    );
    after.validate().unwrap();
    assert!(config(output.path()).get("quantization_config").is_none());
    let mut is_narrowed = false;
    for name in after.tensor_names() {
        let (old, new) = (before.tensor(name).unwrap(), after.tensor(name).unwrap());
        let (old, new) = (old.to_f32(), new.to_f32());
        assert!(old.iter().zip(new.iter()).all(|(old, new)| new.abs() <= old.abs()), "{name}");
        let is_left = !name.contains("o_proj") && !name.contains("mlp");
        assert!(!is_left || old == new, "{name}");
        is_narrowed |= old != new;
    }
    assert!(is_narrowed);
}

#[test]
fn a_step_that_is_stopped_leaves_no_weights() {
    for pass in ["Rtn", "Gptq"] {
        let output = tempfile::tempdir().unwrap();
        let request = request(pass, "tiny-llama", output.path());
        let error = run(&request, &Recorder::cancelled()).unwrap_err();
        assert_eq!(error.code, olive_plugin_api::PluginError::CANCELLED, "{pass}: {error}");
        assert_eq!(file_names(output.path()), [""; 0], "{pass}");
    }
}

#[test]
fn the_result_is_a_model_of_the_same_kind() {
    let output = tempfile::tempdir().unwrap();
    let outcome = run(&request("Rtn", "tiny-llama", output.path()), &Recorder::default());
    let StepOutcome::Model(model) = outcome.unwrap() else { panic!("no model") };
    assert_eq!((model.model_path.as_path(), model.adapter_path), (output.path(), None));
}

/// The error of each layer, from the events.
fn errors(events: &Recorder) -> Vec<f64> {
    let of_layer = |event: StepEvent| match event {
        StepEvent::Progress { unit, figures, .. } if unit == "layer" => {
            figures.get("error").copied()
        }
        _ => None,
    };
    events.events().into_iter().filter_map(of_layer).collect()
}
