//! `LoRA`, and what is the same for all methods: types, shards, threads, refusals.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, CheckpointWriter, Dtype, SafetensorsFile, TensorSpec};
use olive_kit_merge::Merge;
use olive_kit_testing::fixture;
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{PluginError, StepContext, StepEvent, StepOutcome};
use olive_plugin_merge::write::write;
use serde_json::json;

use crate::{CLOSE, parse, prepare, request, run};

const FIXTURES: [&str; 3] = ["tiny-phi3", "tiny-phi3-longrope", "tiny-llama"];

#[test]
fn merged_weights_are_those_of_peft() {
    for name in FIXTURES {
        let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
        let outcome = run(&request(&fixture(name), Some("adapter"), &output), &events).unwrap();
        let StepOutcome::Model(model) = outcome else { panic!("no model: {outcome:?}") };
        assert_eq!((model.model_path.as_path(), model.adapter_path), (output.path(), None));
        let merged = check_merged(&fixture(name), output.path(), |_| CLOSE);
        let files = ["config.json", "tokenizer.json", "tokenizer_config.json"];
        for file in files.into_iter().chain(["generation_config.json", "chat_template.jinja"]) {
            let copy = fs::read(output.path().join(file)).unwrap();
            assert!(copy == fs::read(fixture(name).join(file)).unwrap(), "{file}");
        }
        let count = merged.tensor_names().len() as u64;
        let events = events.events();
        assert_eq!(events.len() as u64, count);
        assert!(matches!(events.last(), Some(StepEvent::Progress { unit, done, total, .. })
            if unit == "tensor" && *done == count && *total == count));
    }
}

#[test]
fn half_types_are_kept_and_rounded_once() {
    for (dtype, half_step) in [(Dtype::BF16, 1.0 / 256.0), (Dtype::F16, 1.0 / 2048.0)] {
        for name in FIXTURES {
            let (input, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            copy_as(&fixture(name), input.path(), dtype, usize::MAX);
            let request = request(input.path(), Some("adapter"), &output);
            run(&request, &Recorder::default()).unwrap();
            let merged = Checkpoint::open(output.path()).unwrap();
            assert_eq!(merged.tensor(merged.tensor_names()[0]).unwrap().dtype, dtype);
            check_merged(input.path(), output.path(), |value| value.abs() * half_step + CLOSE);
        }
    }
}

#[test]
fn shards_in_and_out() {
    let (input, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy_as(&fixture("tiny-phi3"), input.path(), Dtype::F32, 100_000);
    assert!(input.path().join("model.safetensors.index.json").is_file());
    let request = request(input.path(), Some("adapter"), &output);
    let adapter = input.path().join("adapter");
    let merge = Merge::open(input.path(), Some(&adapter), &BTreeMap::new()).unwrap();
    let (events, request) = (Recorder::default(), parse(&request));
    let ctx = StepContext::new(&request, &events);
    write(&merge, 200_000, &ctx).unwrap();
    assert!(output.path().join("model.safetensors.index.json").is_file());
    check_merged(&fixture("tiny-phi3"), output.path(), |_| CLOSE);
}

#[test]
fn threads_do_not_change_a_bit() {
    let weights = [1, 2, 3].map(|threads| {
        let output = tempfile::tempdir().unwrap();
        let mut request = request(&fixture("tiny-phi3-longrope"), Some("adapter"), &output);
        request["threads"] = threads.into();
        run(&request, &Recorder::default()).unwrap();
        fs::read(output.path().join("model.safetensors")).unwrap()
    });
    assert!(weights[0] == weights[1] && weights[0] == weights[2]);
}

#[test]
fn a_cancelled_merge_leaves_no_weights() {
    let output = tempfile::tempdir().unwrap();
    let events = Recorder::cancelled();
    let request = request(&fixture("tiny-llama"), Some("adapter"), &output);
    assert_eq!(run(&request, &events).unwrap_err().code, PluginError::CANCELLED);
    assert_eq!(fs::read_dir(output.path()).unwrap().count(), 0);
}

#[test]
fn an_adapter_must_be_there_once_the_input_is_final() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request(&fixture("tiny-llama"), None, &output);
    let problems = prepare(&request).unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].message, "the input model has no adapter to merge");
    let error = run(&request, &Recorder::default()).unwrap_err();
    assert_eq!((error.code.as_str(), &error.message), ("adapter-missing", &problems[0].message));
    request["is_input_final"] = false.into();
    assert_eq!(prepare(&request).unwrap(), []);
}

#[test]
fn unknown_settings_are_refused() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request(&fixture("tiny-llama"), Some("adapter"), &output);
    request["config"] = json!({"scale": 2});
    let error = prepare(&request).unwrap_err();
    assert!(error.message.contains("unknown field `scale`"), "{error}");
}

#[test]
fn adapters_that_do_not_fit_are_named() {
    let of_llama = "the adapter changes `model.layers.0.self_attn.k_proj`, \
                    which is no linear layer of the model";
    check_refused(&fixture("tiny-phi3"), &fixture("tiny-llama/adapter"), of_llama);
    let of_longrope = "the adapter's tensor \
                       `base_model.model.model.layers.0.self_attn.qkv_proj.lora_A.weight` has \
                       shape [4, 128], but the model needs [4, 64]";
    check_refused(&fixture("tiny-phi3"), &fixture("tiny-phi3-longrope/adapter"), of_longrope);
}

#[test]
fn damaged_inputs_are_named() {
    let adapter = fixture("tiny-phi3/adapter");
    check_refused(Path::new("/no/model"), &adapter, "model folder `/no/model` does not exist");
    let no_adapter = "adapter folder `/no/adapter` does not exist";
    check_refused(&fixture("tiny-phi3"), Path::new("/no/adapter"), no_adapter);
    let dir = tempfile::tempdir().unwrap();
    copy_as(&fixture("tiny-phi3"), dir.path(), Dtype::F32, usize::MAX);
    let weights = dir.path().join("model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..100_000]).unwrap();
    check_refused(dir.path(), &adapter, "is not a whole safetensors file");
    fs::write(&weights, bytes).unwrap();
    let config = fs::read_to_string(dir.path().join("config.json")).unwrap();
    let config = config.replace("\"intermediate_size\": 128", "\"intermediate_size\": 96");
    fs::write(dir.path().join("config.json"), config).unwrap();
    let shape = "tensor `model.layers.0.mlp.gate_up_proj.weight` has shape [256, 64], \
                 but [192, 64] is needed";
    check_refused(dir.path(), &adapter, shape);
}

/// Compares every weight with the base plus what PEFT added to the fixture, which is nothing where
/// the adapter has no layer.
fn check_merged(base: &Path, merged: &Path, tolerance: impl Fn(f32) -> f32) -> Checkpoint {
    let name = fs::read_to_string(base.join("name")).ok();
    let name = name.unwrap_or_else(|| base.file_name().unwrap().to_string_lossy().into_owned());
    let expected = SafetensorsFile::open(&fixture(&name).join("merged.safetensors")).unwrap();
    let original = Checkpoint::open(fixture(&name)).unwrap();
    let (base, merged) = (Checkpoint::open(base).unwrap(), Checkpoint::open(merged).unwrap());
    merged.validate().unwrap();
    assert!(merged.tensor_names().into_iter().eq(base.tensor_names()));
    for name in merged.tensor_names() {
        let tensor = merged.tensor(name).unwrap();
        if !expected.contains(name) {
            assert!(tensor.bytes == base.tensor(name).unwrap().bytes, "{name} changed");
            continue;
        }
        let reference = expected.tensor(name).unwrap();
        assert_eq!(tensor.shape, reference.shape);
        let delta = reference
            .to_f32()
            .iter()
            .zip(original.tensor(name).unwrap().to_f32().iter())
            .map(|(merged, base)| merged - base)
            .collect::<Vec<_>>();
        let base = base.tensor(name).unwrap().to_f32();
        for ((found, base), delta) in tensor.to_f32().iter().zip(base.iter()).zip(delta) {
            let expected = base + delta;
            assert!((found - expected).abs() <= tolerance(expected), "{name}: {found} {expected}");
        }
    }
    merged
}

/// Both looks, the early one and the work itself, end with an error that contains `expected`.
fn check_refused(model: &Path, adapter: &Path, expected: &str) {
    let output = tempfile::tempdir().unwrap();
    let mut request = request(model, None, &output);
    request["input"]["adapter_path"] = json!(adapter);
    for error in [prepare(&request).unwrap_err(), run(&request, &Recorder::default()).unwrap_err()]
    {
        assert!(error.message.contains(expected), "{error}");
    }
    assert_eq!(fs::read_dir(output.path()).unwrap().count(), 0);
}

/// A copy of a fixture with its weights as `dtype`, in shards, and its adapter as it is.
fn copy_as(source: &Path, target: &Path, dtype: Dtype, max_shard_bytes: usize) {
    let checkpoint = Checkpoint::open(source).unwrap();
    let names = checkpoint.tensor_names();
    let tensors: Vec<_> = names.iter().map(|name| checkpoint.tensor(name).unwrap()).collect();
    let specs = tensors.iter().map(|t| TensorSpec::new(t.name, dtype, t.shape)).collect();
    let mut writer = CheckpointWriter::create(target, specs, max_shard_bytes).unwrap();
    for tensor in tensors {
        writer.append_f32(tensor.name, &tensor.to_f32()).unwrap();
    }
    writer.finish().unwrap();
    fs::copy(source.join("config.json"), target.join("config.json")).unwrap();
    fs::write(target.join("name"), source.file_name().unwrap().to_str().unwrap()).unwrap();
    fs::create_dir(target.join("adapter")).unwrap();
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        fs::copy(source.join("adapter").join(file), target.join("adapter").join(file)).unwrap();
    }
}
