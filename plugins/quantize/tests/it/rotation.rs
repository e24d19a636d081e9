//! `QuaRot` changes weights and not what they compute.

use std::fs;

use olive_kit_adapters::Adapters;
use olive_kit_checkpoint::{Checkpoint, Decoder};
use olive_kit_decoder::{Storage, Transformer};
use olive_kit_testing::engines::long_batch;
use olive_kit_testing::{DENSE_MODELS, file_names, fixture, largest_difference};
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};

use crate::{config, made, prepare, run};

/// Largest difference of a logit: weights are rotated and summed in f32.
pub(crate) const LOGITS: f32 = 1e-4;
/// A model whose norms stand where no rotation can be folded past them.
const REFUSED: &str = "tiny-gemma2";

#[test]
fn logits_of_every_family_stay_as_they_are() {
    for model in DENSE_MODELS.into_iter().filter(|model| *model != REFUSED) {
        for mode in ["hadamard", "random"] {
            let output = tempfile::tempdir().unwrap();
            made(&request(model, &json!({"rotate_mode": mode}), output.path()));
            let (before, after) = (logits(model, &fixture(model)), logits(model, output.path()));
            let largest = largest_difference(&after, &before);
            assert!(largest <= LOGITS, "{model} {mode}: logits differ by {largest}");
        }
    }
}

#[test]
fn every_weight_of_the_stream_is_another_and_norms_are_ones() {
    for model in ["tiny-llama", "tiny-phi3", "tiny-gemma", "tiny-llama-bias"] {
        let output = tempfile::tempdir().unwrap();
        made(&request(model, &json!({}), output.path()));
        let before = Checkpoint::open(fixture(model)).unwrap();
        let after = Checkpoint::open(output.path()).unwrap();
        after.validate().unwrap();
        let decoder = after.decoder();
        for linear in decoder.linears_of_layers() {
            let [old, new] = [&before, &after].map(|it| it.linear(&linear).unwrap().bytes);
            assert!(old != new, "{model} {}", linear.name);
        }
        let one = if decoder.norm_adds_one { 0.0 } else { 1.0 };
        let norm = after.tensor(Decoder::FINAL_NORM).unwrap().to_f32();
        assert!(norm.iter().all(|weight| (weight - one).abs() < f32::EPSILON), "{model}");
    }
}

#[test]
fn an_input_that_stands_out_is_spread() {
    let folder = tempfile::tempdir().unwrap();
    let source = Checkpoint::open(fixture("tiny-llama")).unwrap();
    let norm = source.decoder().norms(0).mlp;
    copy_with(&source, folder.path(), &norm, |weights| weights[5] *= 100.0);
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-llama", &json!({}), output.path());
    request["input"]["model_path"] = json!(folder.path());
    made(&request);
    let linear = source.decoder().layer_linears(0).gate_up.remove(0);
    let peak = |weight: &[f32]| {
        let squares: f32 = weight.iter().map(|value| value * value).sum();
        let largest = weight.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        largest / (squares / weight.len() as f32).sqrt()
    };
    let after = Checkpoint::open(output.path()).unwrap();
    let turned = after.linear(&linear).unwrap().to_f32();
    let mut folded = source.linear(&linear).unwrap().to_f32().into_owned();
    for row in folded.chunks_exact_mut(linear.in_features) {
        row[5] *= 100.0;
    }
    assert!(2.0 * peak(&turned) < peak(&folded), "{} {}", peak(&turned), peak(&folded));
}

#[test]
fn a_tied_model_has_two_tables_in_the_end() {
    let output = tempfile::tempdir().unwrap();
    let events = made(&request("tiny-llama", &json!({}), output.path()));
    assert_eq!(config(output.path())["tie_word_embeddings"], json!(false));
    assert!(Checkpoint::open(output.path()).unwrap().contains(Decoder::LM_HEAD));
    let is_told = |line: &String| line.ends_with("the result has one for each");
    assert!(events.logs().iter().any(is_told), "{:?}", events.logs());
    assert!(file_names(output.path()).iter().any(|name| name == "tokenizer.json"));
}

#[test]
fn each_setting_counts_and_threads_do_not() {
    let of = |settings: Value, threads: usize| {
        let output = tempfile::tempdir().unwrap();
        let mut request = request("tiny-phi3", &settings, output.path());
        request["threads"] = json!(threads);
        made(&request);
        fs::read(output.path().join("model.safetensors")).unwrap()
    };
    let usual = of(json!({}), 1);
    assert!(usual == of(json!({"seed": 0, "rotate_mode": "hadamard"}), 3));
    assert!(usual != of(json!({"seed": 1}), 1));
    let random = of(json!({"rotate_mode": "random"}), 1);
    assert!(usual != random && random == of(json!({"rotate_mode": "random"}), 3));
}

#[test]
fn norms_of_outputs_are_refused() {
    let output = tempfile::tempdir().unwrap();
    let request = request(REFUSED, &json!({}), output.path());
    let found = prepare(&request).unwrap();
    assert_eq!((found.len(), &*found[0].code), (1, "not-supported"), "{found:?}");
    assert!(found[0].message.contains("`post_feedforward_layernorm`"), "{found:?}");
    let error = run(&request, &Recorder::default()).unwrap_err();
    assert_eq!(error.message, found[0].message);
    assert_eq!(file_names(output.path()), [""; 0]);
}

#[test]
fn weights_that_are_no_numbers_are_named() {
    let [folder, output] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let source = Checkpoint::open(fixture("tiny-llama")).unwrap();
    let tensor = "model.layers.1.mlp.up_proj.weight";
    copy_with(&source, folder.path(), tensor, |weights| weights[7] = f32::NAN);
    let mut request = request("tiny-llama", &json!({}), output.path());
    request["input"]["model_path"] = json!(folder.path());
    let error = run(&request, &Recorder::default()).unwrap_err();
    assert_eq!(error.code, "not-finite");
    assert!(error.message.contains(tensor) && error.help.is_some(), "{error}");
    assert_eq!(file_names(output.path()), [""; 0]);
}

#[test]
fn a_rotation_that_is_stopped_leaves_no_weights() {
    let output = tempfile::tempdir().unwrap();
    let request = request("tiny-llama", &json!({}), output.path());
    let error = run(&request, &Recorder::cancelled()).unwrap_err();
    assert_eq!(error.code, olive_plugin_api::PluginError::CANCELLED, "{error}");
    assert_eq!(file_names(output.path()), [""; 0]);
}

fn request(model: &str, settings: &Value, output: &std::path::Path) -> Value {
    let input = json!({"type": "HfModel", "model_path": fixture(model)});
    let mut request = olive_kit_testing::request("pass", "QuaRot", &input, output);
    request["config"] = settings.clone();
    request
}

/// Logits of a folder for the tokens of the fixture `model`.
pub(crate) fn logits(model: &str, folder: &std::path::Path) -> Vec<f32> {
    let checkpoint = Checkpoint::open(folder).unwrap();
    let mut transformer = Transformer::load(&checkpoint, Storage::default()).unwrap();
    transformer.logits(&long_batch(model), &Adapters::none()).unwrap()
}

/// A copy of a model in one file with one tensor changed in place.
fn copy_with(
    source: &Checkpoint,
    folder: &std::path::Path,
    tensor: &str,
    change: impl FnOnce(&mut [f32]),
) {
    for name in file_names(source.dir()) {
        let from = source.dir().join(&name);
        if from.is_file() {
            fs::copy(from, folder.join(name)).unwrap();
        }
    }
    let mut values = source.tensor(tensor).unwrap().to_f32().into_owned();
    let path = folder.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let start = header[tensor]["data_offsets"][0].as_u64().unwrap();
    let start = 8 + length + usize::try_from(start).unwrap();
    change(&mut values);
    let changed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    bytes[start..start + changed.len()].copy_from_slice(&changed);
    fs::write(&path, bytes).unwrap();
}
