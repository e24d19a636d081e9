//! Every method, against what PEFT's `merge_and_unload` makes of it.

use std::fs;

use olive_kit_checkpoint::{Checkpoint, Decoder, SafetensorsFile};
use olive_kit_testing::{adapter_fixture, adapter_folders, fixture};
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};

use crate::{CLOSE, request, run};

#[test]
fn every_method_is_merged_as_by_peft() {
    for (model, dir) in adapter_folders() {
        let output = tempfile::tempdir().unwrap();
        let mut request = request(&fixture(&model), None, &output);
        request["input"]["adapter_path"] = json!(dir);
        run(&request, &Recorder::default()).unwrap();
        let reference = SafetensorsFile::open(&dir.join("reference.safetensors")).unwrap();
        let (base, merged) =
            (Checkpoint::open(fixture(&model)).unwrap(), Checkpoint::open(output.path()).unwrap());
        merged.validate().unwrap();
        for name in merged.tensor_names() {
            let tensor = merged.tensor(name).unwrap();
            let reference_name = format!("merged.{name}");
            if !reference.contains(&reference_name) {
                // The head of a model that is tied no longer starts as the embedding.
                let source = if base.contains(name) { name } else { Decoder::EMBEDDING };
                let is_copy = tensor.bytes == base.tensor(source).unwrap().bytes;
                assert!(is_copy, "{}: {name} changed", dir.display());
                continue;
            }
            let (values, row_len) = (tensor.to_f32(), tensor.row_len());
            let every_seventh = values.chunks(row_len).step_by(7).flatten();
            let expected = reference.tensor(&reference_name).unwrap().to_f32();
            assert_eq!(values.chunks(row_len).step_by(7).len() * row_len, expected.len());
            for (found, expected) in every_seventh.zip(expected.iter()) {
                let is_close = (found - expected).abs() <= 2.0 * CLOSE * expected.abs().max(1.0);
                assert!(is_close, "{}: {name}: {found} {expected}", dir.display());
            }
        }
        let changed = reference.names().into_iter().filter_map(|name| name.strip_prefix("merged."));
        assert!(changed.into_iter().all(|name| merged.contains(name)), "{}", dir.display());
    }
}

#[test]
fn a_tied_weight_becomes_two_when_one_is_changed() {
    let dir = adapter_fixture("tiny-llama");
    for (adapter, changed, kept) in [
        ("embedding", Decoder::EMBEDDING, Decoder::LM_HEAD),
        ("tied-head", Decoder::LM_HEAD, Decoder::EMBEDDING),
    ] {
        let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
        let mut request = request(&fixture("tiny-llama"), None, &output);
        request["input"]["adapter_path"] = json!(dir.join(adapter));
        run(&request, &events).unwrap();
        let message = "the adapter changes one of embedding and `lm_head`, which share a weight: \
                       the merged model has one for each";
        assert_eq!(events.logs(), [message]);
        let config = fs::read_to_string(output.path().join("config.json")).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        assert_eq!(config["tie_word_embeddings"], json!(false));
        let (base, merged) = (
            Checkpoint::open(fixture("tiny-llama")).unwrap(),
            Checkpoint::open(output.path()).unwrap(),
        );
        assert!(!merged.decoder().ties_embeddings);
        let embedding = base.tensor(Decoder::EMBEDDING).unwrap().bytes;
        assert!(merged.tensor(kept).unwrap().bytes == embedding);
        assert!(merged.tensor(changed).unwrap().bytes != embedding);
    }
}
