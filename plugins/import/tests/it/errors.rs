//! What cannot be imported, each with one sentence.

use std::fs;
use std::path::Path;

use olive_kit_testing::gguf::{Entry, GgufFile, Storage, StoredTensor, tiny};
use olive_plugin_api::PluginError;
use olive_plugin_api::testing::Recorder;
use serde_json::json;

use crate::{plugin, prepare, request, run, saved};

#[test]
fn other_files_are_named() {
    let (dir, path) = saved(&tiny(Storage::Q8_0));
    check_refused(&dir.path().join("no.gguf"), "cannot read `");
    check_refused(dir.path(), "cannot read `");
    let whole = fs::read(&path).unwrap();
    let cases: [(&[u8], &str); 6] = [
        (b"", "is not a GGUF file"),
        (b"PK\x03\x04 and more", "is not a GGUF file"),
        (b"GGUF\x01\0\0\0 and more than that", "is GGUF version 1; versions 2 and 3"),
        (&whole[..30], "is truncated: its header does not end within its 30 bytes"),
        (&whole[..5000], "is truncated: its header does not end within its 5000 bytes"),
        (&whole[..whole.len() - 1], "is truncated: tensor `output_norm.weight` ends at byte"),
    ];
    for (bytes, expected) in cases {
        fs::write(&path, bytes).unwrap();
        check_refused(&path, expected);
    }
}

#[test]
fn no_claimed_length_is_believed() {
    let huge = u64::MAX.to_le_bytes();
    let (_dir, path) = saved(&tiny(Storage::Q8_0));
    let whole = fs::read(&path).unwrap();
    // Number of tensors, number of values, length of the first key.
    for start in [8, 16, 24] {
        let mut bytes = whole.clone();
        bytes[start..start + 8].copy_from_slice(&huge);
        fs::write(&path, bytes).unwrap();
        prepare(&path, path.parent().unwrap(), &json!({})).unwrap_err();
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let (_dir, path) = saved(&tiny(Storage::Q4_1));
    let whole = fs::read(&path).unwrap();
    for position in (0..whole.len().min(20_000)).step_by(41) {
        let mut bytes = whole.clone();
        bytes[position] ^= 0xa5;
        fs::write(&path, bytes).unwrap();
        let _ = prepare(&path, path.parent().unwrap(), &json!({}));
    }
}

#[test]
fn other_models_are_named() {
    let text = |text: &str| Entry::Text(text.into());
    let cases = [
        ("general.architecture", text("qwen2"), "unknown architecture `qwen2`; known is llama"),
        ("llama.rope.scaling.type", text("yarn"), "rope scaling `yarn` is not supported"),
        ("llama.expert_count", Entry::Count(8), "mixtures of experts are not supported"),
        ("llama.block_count", text("two"), "`llama.block_count` is not a positive integer"),
        ("llama.rope.dimension_count", Entry::Count(8), "16 key, 16 value and 8 rotated"),
        ("tokenizer.ggml.model", text("llama"), "unknown tokenizer `llama`; known is gpt2"),
        ("tokenizer.ggml.pre", text("tekken"), "unknown pre-tokenizer `tekken`; known are"),
        (
            "tokenizer.ggml.eos_token_id",
            Entry::Count(512),
            "token id 512 is named, but there are only 464 tokens",
        ),
        ("tokenizer.ggml.merges", Entry::Texts(vec!["a\u{0}".into()]), "does not join two"),
    ];
    for (key, entry, expected) in cases {
        check_changed(expected, |file| file.set(key, entry));
    }
    let missing = "metadata `llama.embedding_length` is missing";
    check_changed(missing, |file| file.remove("llama.embedding_length"));
}

#[test]
fn other_tensors_are_named() {
    let change = |file: &mut GgufFile, change: fn(&mut StoredTensor)| {
        let name = "blk.1.attn_k.weight";
        change(file.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap());
    };
    let kind = "tensor `blk.1.attn_k.weight` of `";
    check_changed(kind, |file| change(file, |tensor| tensor.kind = 20));
    check_changed("is stored as IQ4_NL; F32, F16", |file| change(file, |t| t.kind = 20));
    check_changed("is stored as type 77;", |file| change(file, |tensor| tensor.kind = 77));
    let blocks = "has shape [64, 16], which Q8_0 cannot store";
    check_changed(blocks, |file| change(file, |tensor| tensor.shape = vec![64, 16]));
    let rows = "has shape [4294967295, 4294967295, 4294967295, 0], which Q8_0 cannot store";
    check_changed(rows, |file| {
        change(file, |tensor| tensor.shape = [[u32::MAX as usize; 3].as_slice(), &[0]].concat());
    });
    let shape = "has shape [16, 64], but [32, 64] is needed";
    check_changed(shape, |file| change(file, |tensor| tensor.shape = vec![16, 64]));
    let missing = "tensor `blk.1.attn_k.weight` is missing";
    check_changed(missing, |file| file.tensors.retain(|t| t.name != "blk.1.attn_k.weight"));
    let few = "there are 464 tokens, but the embedding has only 32 rows";
    check_changed(few, |file| {
        let name = "token_embd.weight";
        file.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap().shape[0] = 32;
    });
    let extra = "tensor `rope_freqs.weight` has no place in a Llama";
    check_changed(extra, |file| {
        let (name, shape, kind) = ("rope_freqs.weight".into(), vec![8], 0);
        file.tensors.push(StoredTensor { name, shape, kind, bytes: vec![0; 32] });
    });
}

#[test]
fn large_values_do_not_become_infinite() {
    let mut file = tiny(Storage::F32);
    file.tensors[0].bytes[..4].copy_from_slice(&1e5_f32.to_le_bytes());
    let (dir, path) = saved(&file);
    let error = run(&path, dir.path(), &json!({"dtype": "float16"})).unwrap_err();
    assert!(error.message.contains("holds 100000, which float16 cannot"), "{error}");
    assert_eq!(error.help.unwrap(), "set `dtype` to `bfloat16` or `float32`");
}

#[test]
fn other_settings_are_refused() {
    let (dir, path) = saved(&tiny(Storage::Q8_0));
    for config in [json!({"layout": "gpt2"}), json!({"dtype": "int4"}), json!({"bits": 4})] {
        let error = prepare(&path, dir.path(), &config).unwrap_err();
        assert_eq!(error.code, "config");
    }
}

#[test]
fn a_cancelled_import_leaves_no_weights() {
    let (_dir, path) = saved(&tiny(Storage::Q8_0));
    let output = tempfile::tempdir().unwrap();
    let events = Recorder::cancelled();
    let error = plugin().run(&request(&path, output.path(), &json!({})), &events).unwrap_err();
    assert_eq!(error.code, PluginError::CANCELLED);
    assert!(!output.path().join("model.safetensors").exists());
}

fn check_changed(expected: &str, change: impl FnOnce(&mut GgufFile)) {
    let mut file = tiny(Storage::Q8_0);
    change(&mut file);
    let (_dir, path) = saved(&file);
    check_refused(&path, expected);
}

fn check_refused(path: &Path, expected: &str) {
    let output = tempfile::tempdir().unwrap();
    let error = run(path, output.path(), &json!({})).unwrap_err();
    assert!(error.message.contains(expected), "{error}");
}
