//! What does not fit is told with its place and a way out, before the work and by it.

use std::fs;

use olive_kit_testing::{file_names, fixture};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Severity};
use serde_json::{Value, json};

use crate::{prepare, request, request_with, run};

#[test]
fn settings_that_do_not_fit_the_model_are_named() {
    for (pass, model, settings, code, pointer, message) in [
        (
            "Rtn",
            "tiny-llama",
            json!({"group_size": 128}),
            "out-of-range",
            "/group_size",
            "group size 128 does not divide the 64 inputs of `model.layers.0.self_attn.q_proj`",
        ),
        (
            "Rtn",
            "tiny-llama",
            json!({"overrides": {"re:.*o_proj": {"group_size": 256}}}),
            "out-of-range",
            "/overrides/re:.*o_proj/group_size",
            "group size 256 does not divide the 64 inputs of `model.layers.0.self_attn.o_proj`",
        ),
        (
            "KQuant",
            "tiny-llama",
            json!({"overrides": {"re:(": {"bits": 8}}}),
            "settings",
            "/overrides/re:(",
            "`re:(` is no regular expression",
        ),
    ] {
        check_settings(pass, model, &settings, code, pointer, message);
    }
}

#[test]
fn settings_that_do_not_fit_each_other_are_named() {
    for (pass, model, settings, code, pointer, message) in [
        (
            "Gptq",
            "tiny-llama",
            json!({"embeds": true, "checkpoint_format": "gptq"}),
            "conflict",
            "/checkpoint_format",
            "the layout `gptq` has no place for an embedding in codes",
        ),
        (
            "Rtn",
            "tiny-llama",
            json!({"bits": 8, "checkpoint_format": "awq"}),
            "not-supported",
            "/checkpoint_format",
            "`model.layers.0.self_attn.q_proj` has codes of 8 bits, which the layout `awq` has no",
        ),
        (
            "Gptq",
            "tiny-llama",
            json!({"desc_act": true, "checkpoint_format": "olive"}),
            "conflict",
            "/desc_act",
            "`desc_act` lets groups of `model.layers.0.self_attn.q_proj` be of inputs here and",
        ),
        (
            "Awq",
            "tiny-llama",
            json!({"sym": true, "zero_point": true}),
            "conflict",
            "/zero_point",
            "`sym` keeps zero in the middle of the grid, and `zero_point` does not",
        ),
        (
            "Awq",
            "tiny-llama",
            json!({"data_config": null}),
            "missing-setting",
            "/data_config",
            "there is nothing to calibrate on: `data_config` is not set",
        ),
        (
            "Rtn",
            "tiny-llama",
            json!({"modules_to_not_convert": ["layers"]}),
            "no-effect",
            "/modules_to_not_convert",
            "no linear layer is left to quantize",
        ),
    ] {
        check_settings(pass, model, &settings, code, pointer, message);
    }
}

#[test]
fn samples_longer_than_the_model_has_positions_are_named() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("Gptq", "tiny-llama", output.path());
    request["data_configs"]["tone"]["pre_process_data_config"]["max_seq_len"] = json!(200);
    let message = "a sample has 200 tokens, and the model has positions for 128";
    check_refused(&request, "out-of-range", "/data_config", message);
}

#[test]
fn data_without_a_row_are_named() {
    let (output, rows) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = rows.path().join("none.json");
    fs::write(&path, "").unwrap();
    let mut request = request("Gptq", "tiny-llama", output.path());
    request["data_configs"]["tone"]["load_dataset_config"]["data_files"] = json!(path);
    let error = run(&request, &Recorder::default()).unwrap_err();
    assert!(error.message.contains("none.json"), "{error}");
}

#[test]
fn models_with_adapters_or_codes_are_sent_elsewhere() {
    let output = tempfile::tempdir().unwrap();
    let mut adapted = request("Rtn", "tiny-llama", output.path());
    adapted["input"]["adapter_path"] = json!(fixture("tiny-llama").join("adapter"));
    let message = "the input model has an adapter, which this pass would leave out";
    let help = check_refused(&adapted, "adapter-present", "", message);
    assert_eq!(help.as_deref(), Some("put `MergeAdapterWeights` before this pass"));
    let mut quantized = request("Rtn", "tiny-llama", output.path());
    let told = json!({"quantization_config": {"quant_method": "bitsandbytes"}});
    quantized["input"]["model_attributes"] = told;
    check_refused(&quantized, "quantized-base", "", "the input model is quantized already");
    let stored = request("Rtn", "tiny-llama3-nf4", output.path());
    let error = run(&stored, &Recorder::default()).unwrap_err();
    assert!(error.message.contains("only unquantized checkpoints are read here"), "{error}");
}

#[test]
fn what_steps_before_will_change_is_not_held_against_a_model() {
    let output = tempfile::tempdir().unwrap();
    for model in ["tiny-llama", "tiny-llama3-nf4"] {
        let mut request = request_with("Rtn", model, &json!({"embeds": true}), output.path());
        request["input"]["adapter_path"] = json!(fixture(model).join("adapter"));
        request["is_input_final"] = json!(false);
        assert_eq!(prepare(&request).unwrap(), [], "{model}");
    }
}

#[test]
fn names_that_no_layer_has_are_a_warning() {
    let output = tempfile::tempdir().unwrap();
    let settings = json!({
        "overrides": {"model.layers.9.mlp.down_proj": {"bits": 8}},
        "modules_to_not_convert": ["v_proj", "qkv_proj"],
    });
    let found = prepare(&request_with("Rtn", "tiny-llama", &settings, output.path())).unwrap();
    let rows: Vec<_> = found.iter().map(|it| (it.severity, &*it.code, &*it.pointer)).collect();
    let warning = |pointer| (Severity::Warning, "no-effect", pointer);
    assert_eq!(
        rows,
        [warning("/modules_to_not_convert/1"), warning("/overrides/model.layers.9.mlp.down_proj")]
    );
}

#[test]
fn weights_that_are_no_numbers_are_named() {
    let (folder, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for file in file_names(&fixture("tiny-llama")) {
        let from = fixture("tiny-llama").join(&file);
        if from.is_file() {
            fs::copy(from, folder.path().join(file)).unwrap();
        }
    }
    let path = folder.path().join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let offsets = &header["model.layers.1.mlp.up_proj.weight"]["data_offsets"];
    let start = usize::try_from(offsets[0].as_u64().unwrap()).unwrap();
    bytes[8 + length + start..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let mut request = request("Rtn", "tiny-llama", output.path());
    request["input"]["model_path"] = json!(folder.path());
    let error = run(&request, &Recorder::default()).unwrap_err();
    assert_eq!(error.message, "`model.layers.1.mlp.up_proj` cannot be quantized");
    assert_eq!(error.causes, ["the weight of output 0 and input 0 is not finite"]);
    assert!(error.help.is_some());
}

/// The pass refuses these settings, and writes nothing.
#[track_caller]
fn check_settings(
    pass: &str,
    model: &str,
    settings: &Value,
    code: &str,
    pointer: &str,
    message: &str,
) {
    let output = tempfile::tempdir().unwrap();
    let request = request_with(pass, model, settings, output.path());
    check_refused(&request, code, pointer, message);
    assert_eq!(file_names(output.path()), [""; 0], "{settings}");
}

/// Both looks, the early one and the work itself, say the same; gives the way out.
#[track_caller]
fn check_refused(request: &Value, code: &str, pointer: &str, message: &str) -> Option<String> {
    let found = prepare(request).unwrap();
    let is_it = |it: &&Diagnostic| it.severity == Severity::Error;
    let problem = found.iter().find(is_it).unwrap();
    assert_eq!((&*problem.code, &*problem.pointer), (code, pointer), "{found:?}");
    assert!(problem.message.starts_with(message), "{problem:?}");
    let error = run(request, &Recorder::default()).unwrap_err();
    assert_eq!((error.code.as_str(), &error.message), (code, &problem.message));
    assert_eq!(error.help, problem.help);
    problem.help.clone()
}
