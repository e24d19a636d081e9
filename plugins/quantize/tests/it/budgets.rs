//! What `SelectiveMixedPrecision` chooses within a budget, and by the gradient of a divergence.

use std::fs;
use std::path::Path;

use olive_kit_checkpoint::{Decoder, PackedCheckpoint};
use olive_kit_testing::file_names;
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Model, StepOutcome};
use serde_json::{Value, json};

use crate::{prepare, request_with, run};

const PASS: &str = "SelectiveMixedPrecision";
/// Weights of the linear layers of `tiny-llama3`.
const WEIGHTS: u64 = 94_208;
/// What they take in 4 bits: scales of 16 bits and zero points of 4 for each 32 are 5 / 8 of a bit.
const LEAST: u64 = WEIGHTS * 37 / 64;

#[test]
fn codes_take_what_is_told_and_no_more_than_the_budget() {
    let limit = WEIGHTS * 11 / 16;
    for budget in [json!({"bits_per_weight": 5.5}), json!({"max_size": limit})] {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (model, told) = chosen("tiny-llama3", &budget, first.path());
        let overrides = &model.model_attributes["mixed_precision_info"]["overrides"];
        let overrides = overrides.as_object().unwrap();
        assert!(!overrides.is_empty() && overrides.len() < 15, "{overrides:?}");
        let settings = json!({"lm_head": true});
        let mut request = request_with("Gptq", "tiny-llama3", &settings, second.path());
        request["input"] = serde_json::to_value(&model).unwrap();
        assert_eq!(prepare(&request).unwrap(), []);
        run(&request, &Recorder::default()).unwrap();
        let packed = PackedCheckpoint::open(second.path()).unwrap();
        for linear in packed.description().decoder.all_linears() {
            let format = packed.layer(&linear.name).unwrap().format;
            let expected = if overrides.contains_key(&linear.name) { 8 } else { 4 };
            assert_eq!((format.bits.count(), format.block_size), (expected, 32), "{}", linear.name);
        }
        let bytes = bytes_of_codes(&second.path().join("model.safetensors"));
        assert!(bytes > LEAST && bytes <= limit, "{bytes} of {limit}");
        assert!(told.contains(&format!("codes take {bytes} bytes of {limit} bytes")), "{told}");
        assert!(told.contains("next would be `"), "{told}");
    }
}

#[test]
fn a_choice_by_gradients_is_the_same_again_and_takes_a_shared_table_once() {
    let of = |settings: &Value| {
        let output = tempfile::tempdir().unwrap();
        chosen("tiny-llama", settings, output.path())
    };
    let (once, again) = (of(&json!({"ratio": 0.5})), of(&json!({"ratio": 0.5})));
    assert_eq!(once.0.model_attributes, again.0.model_attributes);
    assert_eq!(once.1, again.1);
    let (all, told) = of(&json!({"bits_per_weight": 9}));
    let overrides = &all.model_attributes["mixed_precision_info"]["overrides"];
    assert_eq!(overrides[Decoder::LM_HEAD_MODULE], overrides[Decoder::EMBEDDING_MODULE]);
    // 73728 weights of layers and 32768 of the table, at 8.75 bits.
    assert!(
        told.contains("codes take 116480 bytes of 119808 bytes, 8.750 bits a weight"),
        "{told}"
    );
    assert!(told.contains("no layer is left to choose"), "{told}");
}

#[test]
fn budgets_that_cannot_be_kept_are_named() {
    for (settings, code, pointer, message, help) in [
        (
            json!({"max_size": LEAST - 1}),
            "out-of-range",
            "/max_size",
            "all linear layers take 54464 bytes in 4 bits with scales and zero points, 4.625 bits \
             a weight, and `max_size` leaves 54463 bytes",
            "set `max_size` to 54464 or more, or larger groups",
        ),
        (
            json!({"bits_per_weight": 4}),
            "out-of-range",
            "/bits_per_weight",
            "and `bits_per_weight` leaves 47104 bytes",
            "set `bits_per_weight` to 4.625",
        ),
        (
            json!({"max_size": "60 KiB", "ratio": 0.5}),
            "conflict",
            "/max_size",
            "`ratio` and `max_size` each say how many layers are chosen",
            "remove one of the two",
        ),
        (
            json!({"max_size": "60 bananas"}),
            "out-of-range",
            "/max_size",
            "`bananas` is no unit",
            "write `86 MiB`",
        ),
        (
            json!({"bits_per_weight": 5, "high_bits": 4}),
            "conflict",
            "/high_bits",
            "weights take no more in 4 bits than in 4",
            "set `high_bits` to more",
        ),
    ] {
        let output = tempfile::tempdir().unwrap();
        let request = request("tiny-llama3", &settings, output.path());
        let found = prepare(&request).unwrap();
        assert_eq!((&*found[0].code, &*found[0].pointer), (code, pointer), "{found:?}");
        assert!(found[0].message.contains(message), "{}", found[0].message);
        assert!(found[0].help.as_ref().unwrap().contains(help), "{:?}", found[0].help);
        let error = run(&request, &Recorder::default()).unwrap_err();
        assert_eq!(error.message, found[0].message);
        assert_eq!(file_names(output.path()), [""; 0], "{settings}");
    }
}

#[test]
fn the_least_budget_that_is_named_can_be_kept() {
    for budget in [json!({"max_size": LEAST}), json!({"bits_per_weight": 4.625})] {
        let output = tempfile::tempdir().unwrap();
        let (model, told) = chosen("tiny-llama3", &budget, output.path());
        assert_eq!(model.model_attributes["mixed_precision_info"]["overrides"], json!({}));
        assert!(told.contains("codes take 54464 bytes of 54464 bytes, 4.625 bits"), "{told}");
    }
}

/// A choice by gradients in groups of 32, on eight samples.
fn request(model: &str, settings: &Value, output: &Path) -> Value {
    let mut all = json!({"algorithm": "kld_gradient", "group_size": 32});
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    request_with(PASS, model, &all, output)
}

/// The model with its choice, and the log.
fn chosen(model: &str, settings: &Value, output: &Path) -> (Model, String) {
    let (request, events) = (request(model, settings, output), Recorder::default());
    assert_eq!(prepare(&request).unwrap(), []);
    let StepOutcome::Model(model) = run(&request, &events).unwrap() else { panic!("no model") };
    (model, format!("{:?}", events.logs()))
}

/// Bytes of codes, scales and zero points in a file of tensors.
fn bytes_of_codes(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap();
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
    let header: Value = serde_json::from_slice(&rest[..length]).unwrap();
    let tensors = header.as_object().unwrap().iter().filter(|(name, _)| {
        [".qweight", ".scales", ".qzeros"].iter().any(|part| name.ends_with(part))
    });
    let sizes = tensors.map(|(_, tensor)| {
        let place = |end: usize| tensor["data_offsets"][end].as_u64().unwrap();
        place(1) - place(0)
    });
    sizes.sum()
}
