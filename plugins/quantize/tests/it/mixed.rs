//! What `SelectiveMixedPrecision` chooses is what quantizers after it do.

use std::path::Path;

use olive_kit_checkpoint::{Decoder, PackedCheckpoint};
use olive_kit_testing::{file_names, fixture};
use olive_plugin_api::testing::{Companion, Recorder, changes, ignored, settings_of};
use olive_plugin_api::{Model, Severity, StepOutcome};
use serde_json::{Value, json};

use crate::{plugin, prepare, request_with, run};

const PASS: &str = "SelectiveMixedPrecision";

#[test]
fn the_choice_is_written_as_olive_writes_it() {
    let output = tempfile::tempdir().unwrap();
    let model = chosen("tiny-llama", &json!({"algorithm": "k_quant_mixed"}), output.path());
    let high = json!({"bits": 8});
    let of = |name: &str| format!("model.layers.0.{name}");
    // Of two layers the first is in the first eighth; the model ties its embedding.
    let overrides = json!({
        "lm_head": high,
        "model.embed_tokens": high,
        of("mlp.down_proj"): high,
        of("self_attn.q_proj"): high,
        of("self_attn.k_proj"): high,
        of("self_attn.v_proj"): high,
    });
    let expected = json!({"default": {"bits": 4}, "overrides": overrides});
    assert_eq!(model.model_attributes["mixed_precision_info"], expected);
    assert_eq!(model.model_path, fixture("tiny-llama"));
    let text = std::fs::read(output.path().join("mixed_precision_info.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), expected);
}

#[test]
fn old_names_and_new_ones_choose_the_same() {
    let of = |algorithm: &str| {
        let output = tempfile::tempdir().unwrap();
        chosen("tiny-phi3", &json!({"algorithm": algorithm}), output.path()).model_attributes
    };
    for (old, new) in [
        ("k_quant_last", "high_precision_lm_head"),
        ("k_quant_down", "high_precision_mlp_down"),
        ("k_quant_mixed", "high_precision_mlp_down_qkv"),
    ] {
        assert_eq!(of(old), of(new), "{old}");
    }
    assert_ne!(of("k_quant_last"), of("k_quant_down"));
    assert_ne!(of("k_quant_down"), of("k_quant_mixed"));
}

#[test]
fn quantizers_take_the_choice_and_their_overrides_go_before() {
    for pass in ["Rtn", "KQuant", "Gptq"] {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let settings = json!({"algorithm": "k_quant_down", "high_bits": 8});
        let model = chosen("tiny-phi3", &settings, first.path());
        let own = json!({"overrides": {"model.layers.1.mlp.gate_up_proj": {"bits": 8}}});
        let mut request = request_with(pass, "tiny-phi3", &own, second.path());
        request["input"] = serde_json::to_value(&model).unwrap();
        assert_eq!(prepare(&request).unwrap(), [], "{pass}");
        run(&request, &Recorder::default()).unwrap();
        let packed = PackedCheckpoint::open(second.path()).unwrap();
        packed.validate().unwrap();
        let bits = |path: &str| packed.layer(path).unwrap().format.bits.count();
        for (path, expected) in [
            ("model.layers.0.mlp.down_proj", 8),
            ("model.layers.1.mlp.gate_up_proj", 8),
            ("model.layers.1.mlp.down_proj", 4),
            ("model.layers.0.self_attn.qkv_proj", 4),
        ] {
            assert_eq!(bits(path), expected, "{pass} {path}");
        }
        assert!(packed.layer(Decoder::LM_HEAD_MODULE).is_none(), "{pass}");
    }
}

#[test]
fn grids_of_a_choice_by_cost_go_before_those_of_a_quantizer() {
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let settings =
        json!({"algorithm": "snr", "ratio": 0.5, "group_size": 32, "high_group_size": 16});
    let model = chosen("tiny-llama3", &settings, first.path());
    let choice = &model.model_attributes["mixed_precision_info"];
    let usual = json!({"bits": 4, "group_size": 32, "symmetric": false});
    assert_eq!(choice["default"], usual);
    let overrides = choice["overrides"].as_object().unwrap();
    assert!(!overrides.is_empty() && overrides.len() < 15, "{overrides:?}");
    let is_chosen =
        |name: &str| overrides.contains_key(&format!("model.layers.0.self_attn.{name}"));
    assert!(
        is_chosen("q_proj") == is_chosen("k_proj") && is_chosen("k_proj") == is_chosen("v_proj")
    );
    // The quantizer itself says groups of 16 and no bits.
    let mut request = request_with("Rtn", "tiny-llama3", &json!({}), second.path());
    request["input"] = serde_json::to_value(&model).unwrap();
    run(&request, &Recorder::default()).unwrap();
    let packed = PackedCheckpoint::open(second.path()).unwrap();
    for linear in packed.description().decoder.linears_of_layers() {
        let format = packed.layer(&linear.name).unwrap().format;
        let expected = if overrides.contains_key(&linear.name) { (8, 16) } else { (4, 32) };
        assert_eq!((format.bits.count(), format.block_size), expected, "{}", linear.name);
    }
}

#[test]
fn every_setting_of_a_choice_by_data_counts() {
    let plugin = plugin();
    let known = plugin.descriptor().passes.iter().find(|known| known.name == PASS).unwrap();
    let mut settings = settings_of(&known.schema);
    settings.retain(|setting| !setting.is_left_out);
    assert!(settings.len() >= 13, "{settings:?}");
    let (mut other, folder) = (tone(), tempfile::tempdir().unwrap());
    other["pre_process_data_config"]["max_seq_len"] = json!(24);
    let config = json!({
        "algorithm": "output_error", "ratio": 0.7, "group_size": 32, "data_config": "tone",
        "nsamples": 4,
    });
    let companions = [
        Companion::value("/data_config", json!("other")),
        Companion::value("/seed", json!(7)),
        Companion::value("/ratio", json!(0.2)),
        Companion::with("/max_size", json!({"ratio": null})).to(json!("64 KiB")),
        Companion::with("/bits_per_weight", json!({"ratio": null})).to(json!(5.5)),
        Companion::value("/group_size", json!(16)),
        Companion::value("/high_group_size", json!(16)),
    ];
    let changes = changes(&config, &settings, &companions);
    let mut request = request("tiny-llama3", &config, folder.path());
    request["data_configs"] = json!({"tone": tone(), "other": other});
    let ignored = ignored(&changes, |config| {
        request["config"] = config.clone();
        let events = Recorder::default();
        // Without a ratio and a budget there is nothing but an error.
        match run(&request, &events) {
            Ok(StepOutcome::Model(model)) => {
                format!("{:?} {:?}", model.model_attributes, events.logs())
            }
            other => format!("{other:?}"),
        }
    });
    assert!(ignored.is_empty(), "accepted and ignored: {ignored:#?}");
}

#[test]
fn settings_that_do_not_fit_are_named() {
    for (settings, code, pointer) in [
        (json!({"algorithm": "snr", "group_size": 32}), "missing-setting", "/ratio"),
        (json!({"algorithm": "iqe", "ratio": 0.5}), "out-of-range", "/group_size"),
        (
            json!({"algorithm": "output_error", "ratio": 0.5, "group_size": 32}),
            "missing-setting",
            "/data_config",
        ),
        (
            json!({"algorithm": "iqe", "ratio": 0.5, "group_size": 32, "high_group_size": 256}),
            "out-of-range",
            "/high_group_size",
        ),
    ] {
        let output = tempfile::tempdir().unwrap();
        let request = request("tiny-llama", &settings, output.path());
        let found = prepare(&request).unwrap();
        assert_eq!((&*found[0].code, &*found[0].pointer), (code, pointer), "{found:?}");
        let error = run(&request, &Recorder::default()).unwrap_err();
        assert_eq!(error.message, found[0].message);
        assert_eq!(file_names(output.path()), [""; 0], "{settings}");
    }
}

#[test]
fn what_a_choice_by_place_does_not_read_is_a_warning() {
    let output = tempfile::tempdir().unwrap();
    let settings = json!({"algorithm": "k_quant_last", "ratio": 0.5, "sym": true});
    let found = prepare(&request("tiny-llama", &settings, output.path())).unwrap();
    let rows: Vec<_> = found.iter().map(|it| (it.severity, &*it.code, &*it.pointer)).collect();
    let warning = |pointer| (Severity::Warning, "no-effect", pointer);
    assert_eq!(rows, [warning("/sym"), warning("/ratio")]);
}

#[test]
fn a_choice_that_cannot_be_read_is_named() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request_with("Rtn", "tiny-llama", &json!({}), output.path());
    request["input"]["model_attributes"] = json!({"mixed_precision_info": {"default": {}}});
    let found = prepare(&request).unwrap();
    assert!(found[0].message.contains("`mixed_precision_info`"), "{found:?}");
    let error = run(&request, &Recorder::default()).unwrap_err();
    assert_eq!(error.message, found[0].message);
}

/// The data config of the fixtures.
fn tone() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let request = request_with("Gptq", "tiny-llama", &json!({}), folder.path());
    request["data_configs"]["tone"].clone()
}

fn request(model: &str, settings: &Value, output: &Path) -> Value {
    let input = json!({"type": "HfModel", "model_path": fixture(model)});
    let mut request = olive_kit_testing::request("pass", PASS, &input, output);
    request["config"] = settings.clone();
    request
}

/// The model with the choice that is made for a fixture.
fn chosen(model: &str, settings: &Value, output: &Path) -> Model {
    let made = run(&request(model, settings, output), &Recorder::default()).unwrap();
    let StepOutcome::Model(model) = made else { panic!("no model") };
    model
}
