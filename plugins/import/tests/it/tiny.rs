//! `tiny-llama`, stored as GGUF and imported again.

use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, Decoder, Dtype, Family};
use olive_kit_gguf::{GgufModel, Layout};
use olive_kit_testing::fixture;
use olive_kit_testing::gguf::{Entry, Storage, restored, rounded, tiny};
use olive_plugin_api::testing::{Recorder, changes, digests, ignored, settings_of};
use olive_plugin_api::{ModelKind, StepContext, StepOutcome};
use olive_plugin_import::write::weights;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokenizers::Tokenizer;

use crate::{plugin, request, run, saved};

#[test]
fn weights_come_back_as_they_were() {
    for storage in [Storage::F32, Storage::F16, Storage::Q8_0, Storage::Q4_1] {
        let imported = import(storage, &json!({}));
        check_weights(
            &open(&imported),
            |value, is_matrix| {
                if is_matrix { restored(value, storage) } else { value }
            },
        );
    }
}

#[test]
fn weights_are_rounded_to_the_type_asked_for() {
    for (name, dtype) in [("bfloat16", Dtype::BF16), ("float16", Dtype::F16)] {
        let checkpoint = open(&import(Storage::F32, &json!({"dtype": name})));
        assert_eq!(checkpoint.description().dtype, Some(dtype));
        check_weights(&checkpoint, |value, _| rounded(value, dtype));
    }
}

#[test]
fn the_config_describes_the_same_decoder() {
    let original = open_fixture().decoder().clone();
    let imported = open(&import(Storage::F32, &json!({"layout": "llama"})));
    assert_eq!(*imported.decoder(), original);
    let imported = open(&import(Storage::F32, &json!({"layout": "phi3"})));
    assert_eq!(*imported.decoder(), Decoder { family: Family::Phi3, ..original });
    assert_eq!(imported.config()["original_max_position_embeddings"], 128);
    assert_eq!(imported.config()["rms_norm_eps"], 1e-5);
}

#[test]
fn the_phi3_layout_is_the_llama_layout_in_a_row() {
    let original = open_fixture();
    let imported = open(&import(Storage::F32, &json!({"layout": "phi3"})));
    imported.validate().unwrap();
    let attention = "model.layers.1.self_attn";
    let mlp = "model.layers.1.mlp";
    let rows = [
        (format!("{attention}.qkv_proj"), vec!["q_proj", "k_proj", "v_proj"]),
        (format!("{attention}.o_proj"), vec!["o_proj"]),
        (format!("{mlp}.gate_up_proj"), vec!["gate_proj", "up_proj"]),
        (format!("{mlp}.down_proj"), vec!["down_proj"]),
    ];
    for (name, parts) in rows {
        let parent = name.rsplit_once('.').unwrap().0;
        let parts = parts
            .iter()
            .map(|part| original.tensor(&format!("{parent}.{part}.weight")).unwrap().bytes);
        let expected: Vec<_> = parts.collect();
        let found = imported.tensor(&format!("{name}.weight")).unwrap().bytes;
        assert!(found == expected.concat(), "{name}");
    }
}

#[test]
fn shards_hold_the_same() {
    let (_file, path) = saved(&tiny(Storage::Q8_0));
    let whole = import(Storage::Q8_0, &json!({}));
    let model = GgufModel::open(&path, Layout::Llama, Dtype::F32).unwrap();
    let sharded = tempfile::tempdir().unwrap();
    let (request, events) = (request(&path, sharded.path(), &json!({})), Recorder::default());
    let ctx = StepContext::new(&request, &events);
    weights(&model, Dtype::F32, 100_000, &ctx).unwrap();
    assert!(sharded.path().join("model.safetensors.index.json").is_file());
    std::fs::copy(whole.path().join("config.json"), sharded.path().join("config.json")).unwrap();
    let (whole, sharded) = (open(&whole), open(&sharded));
    for name in whole.tensor_names() {
        assert!(whole.tensor(name).unwrap().bytes == sharded.tensor(name).unwrap().bytes);
    }
}

#[test]
fn text_becomes_the_same_tokens() {
    let imported = import(Storage::F32, &json!({}));
    let load = |dir: &Path| Tokenizer::from_file(dir.join("tokenizer.json")).unwrap();
    let (original, imported) = (load(&fixture("tiny-llama")), load(imported.path()));
    let texts = [
        "### Text: my old dog died last night\n### The tone is:\nsadness",
        "<bos>user\nI can't  stop <eos>",
        "12 naïve 你好 😀\t\n",
        "",
    ];
    for text in texts {
        let (found, expected) = (imported.encode(text, true), original.encode(text, true));
        let (found, expected) = (found.unwrap(), expected.unwrap());
        assert_eq!(found.get_ids(), expected.get_ids(), "{text}");
        let decode = |tokenizer: &Tokenizer| tokenizer.decode(found.get_ids(), true).unwrap();
        assert_eq!(decode(&imported), decode(&original));
    }
}

#[test]
fn settings_of_the_tokenizer_are_kept() {
    let imported = import(Storage::F32, &json!({}));
    let settings = read(&imported, "tokenizer_config.json");
    let expected = [
        ("bos_token", json!("<bos>")),
        ("eos_token", json!("<eos>")),
        ("pad_token", json!("<pad>")),
        ("unk_token", json!("<unk>")),
        ("model_max_length", json!(128)),
    ];
    for (key, value) in expected {
        assert_eq!(settings[key], value, "{key}");
    }
    let template = std::fs::read_to_string(fixture("tiny-llama/chat_template.jinja")).unwrap();
    assert_eq!(settings["chat_template"], template);
    let generation = read(&imported, "generation_config.json");
    assert_eq!(generation, json!({"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3}));
}

#[test]
fn bos_and_eos_are_added_where_the_file_says_so() {
    let mut file = tiny(Storage::F32);
    file.set("tokenizer.ggml.add_bos_token", Entry::Flag(true));
    file.set("tokenizer.ggml.add_eos_token", Entry::Flag(true));
    let (_file, path) = saved(&file);
    let output = tempfile::tempdir().unwrap();
    run(&path, output.path(), &json!({})).unwrap();
    let tokenizer = Tokenizer::from_file(output.path().join("tokenizer.json")).unwrap();
    let ids = |special| tokenizer.encode("the", special).unwrap().get_ids().to_vec();
    assert_eq!(ids(true), [vec![1], ids(false), vec![2]].concat());
}

/// Every weight is what `expected` makes of the fixture's, told whether it is a matrix.
fn check_weights(imported: &Checkpoint, expected: impl Fn(f32, bool) -> f32) {
    imported.validate().unwrap();
    let original = open_fixture();
    assert_eq!(imported.tensor_names().len(), original.tensor_names().len());
    for name in original.tensor_names() {
        let (found, original) = (imported.tensor(name).unwrap(), original.tensor(name).unwrap());
        assert_eq!(found.shape, original.shape);
        let is_matrix = original.shape.len() == 2;
        let expected: Vec<_> =
            original.to_f32().iter().map(|&value| expected(value, is_matrix)).collect();
        assert!(*found.to_f32() == *expected, "{name}");
    }
}

fn import(storage: Storage, config: &Value) -> TempDir {
    let (_file, path) = saved(&tiny(storage));
    let output = tempfile::tempdir().unwrap();
    let outcome = run(&path, output.path(), config).unwrap();
    let StepOutcome::Model(model) = outcome else { panic!("no model: {outcome:?}") };
    assert_eq!((model.kind, model.model_path.as_path()), (ModelKind::Hf, output.path()));
    output
}

fn open(dir: &TempDir) -> Checkpoint {
    Checkpoint::open(dir.path()).unwrap()
}

fn open_fixture() -> Checkpoint {
    Checkpoint::open(fixture("tiny-llama")).unwrap()
}

fn read(dir: &TempDir, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(dir.path().join(name)).unwrap()).unwrap()
}

#[test]
fn every_setting_counts() {
    let plugin = plugin();
    let settings = settings_of(&plugin.descriptor().passes[0].schema);
    assert_eq!(settings.len(), 2, "{settings:?}");
    let changes = changes(&json!({"layout": "phi3"}), &settings, &[]);
    let ignored = ignored(&changes, |config| {
        format!("{:?}", digests(import(Storage::F32, config).path()).unwrap())
    });
    assert!(ignored.is_empty(), "accepted and ignored: {ignored:#?}");
}
