//! Checkpoints packed by GPTQ, AWQ and Olive: what is read, and what is refused.

use std::fs;
use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, CheckpointError, PackedCheckpoint};
use olive_kit_testing::fixture;
use serde_json::{Value, json};
use tempfile::TempDir;

const CODES: &str = "model.safetensors";

#[test]
fn layers_are_as_their_tensors_say() {
    for (name, bits, block_size, is_ordered) in [
        ("tiny-llama-gptq", 4, 32, false),
        ("tiny-llama-gptq-8", 8, 32, false),
        ("tiny-llama-gptq-act", 4, 16, true),
        ("tiny-qwen2-awq", 4, 64, false),
        ("tiny-llama-olive", 4, 32, false),
    ] {
        let dir = fixture("packed").join(name);
        assert!(PackedCheckpoint::is_in(&dir).unwrap());
        assert!(matches!(Checkpoint::open(&dir), Err(CheckpointError::Quantized(_))));
        let folder = copied(name);
        let checkpoint = PackedCheckpoint::open(folder.path()).unwrap();
        let layer = checkpoint.layer("model.layers.0.self_attn.q_proj").unwrap();
        assert_eq!((layer.format.bits.count(), layer.format.block_size), (bits, block_size));
        assert_eq!(layer.order.is_some(), is_ordered, "{name}");
        assert!(checkpoint.layer("lm_head").is_none());
        let query = checkpoint.description().decoder.linears(0).remove(0);
        let rows = checkpoint.rows(&query, 8..24).unwrap().unwrap();
        assert_eq!(checkpoint.zero_points(&query, 8..24).unwrap(), rows.zero_points, "{name}");
    }
    let folder = copied("tiny-llama-olive");
    let checkpoint = PackedCheckpoint::open(folder.path()).unwrap();
    let down = checkpoint.layer("model.layers.1.mlp.down_proj").unwrap();
    assert_eq!((down.format.bits.count(), down.format.block_size), (8, 16));
}

#[test]
fn what_is_missing_in_floats_is_named() {
    let folder = copied("tiny-llama-gptq");
    let checkpoint = PackedCheckpoint::open(folder.path()).unwrap();
    let message = checkpoint.validate().unwrap_err().to_string();
    assert!(message.contains("tensor `model.embed_tokens.weight` is not in"), "{message}");
    assert!(!message.contains("q_proj"), "{message}");
}

#[test]
fn codes_that_do_not_fit_are_named() {
    let q = "model.layers.0.self_attn.q_proj";
    let refused =
        |problem: &str| format!("layer `{q}` is packed in a way that is not read: {problem}");
    for (name, part, key, value, expected) in [
        ("tiny-llama-gptq", "qweight", "shape", json!([4, 128]), refused("its codes have 2 bits")),
        (
            "tiny-llama-gptq",
            "qweight",
            "shape",
            json!([512]),
            refused("its codes have shape [512]"),
        ),
        (
            "tiny-llama-gptq",
            "qweight",
            "dtype",
            json!("F32"),
            format!("tensor `{q}.qweight` holds F32 values, but codes are I32 here"),
        ),
        (
            "tiny-llama-gptq",
            "qzeros",
            "shape",
            json!([8, 2]),
            format!("tensor `{q}.qzeros` has shape [8, 2], but [2, 8] is needed"),
        ),
        (
            "tiny-llama-gptq",
            "scales",
            "shape",
            json!([128, 1]),
            refused(
                "its 64 inputs are not in groups of 16, 32, 64, 128 or 256, by scales of shape \
                 [128, 1]",
            ),
        ),
        ("tiny-qwen2-awq", "qweight", "shape", json!([32, 16]), refused("its codes have 8 bits")),
        (
            "tiny-llama-olive",
            "qzeros",
            "shape",
            json!([1, 64]),
            format!("tensor `{q}.qzeros` has shape [1, 64], but [64, 1] is needed"),
        ),
    ] {
        let folder = copied(name);
        edit(&folder.path().join(CODES), &format!("{q}.{part}"), key, &value);
        let message = PackedCheckpoint::open(folder.path()).unwrap_err().to_string();
        assert_eq!(message, expected);
    }
}

#[test]
fn an_embedding_in_codes_is_refused() {
    let folder = copied("tiny-llama-gptq");
    let path = folder.path().join(CODES);
    let mut header = header(&path);
    let codes = header["model.layers.0.self_attn.q_proj.qweight"].take();
    header.as_object_mut().unwrap().remove("model.layers.0.self_attn.q_proj.qweight");
    header["model.embed_tokens.qweight"] = codes;
    write(&path, &header);
    let message = PackedCheckpoint::open(folder.path()).unwrap_err().to_string();
    let expected = "it gives the embedding, which is read in floats only";
    assert!(message.ends_with(expected), "{message}");
}

/// The packed fixture `name` without what is in floats.
fn copied(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dir = fixture("packed").join(name);
    fs::copy(dir.join("config.json"), folder.path().join("config.json")).unwrap();
    fs::copy(dir.join("codes.safetensors"), folder.path().join(CODES)).unwrap();
    folder
}

/// Says something else of a tensor of as many bytes.
fn edit(path: &Path, tensor: &str, key: &str, value: &Value) {
    let mut header = header(path);
    header[tensor][key] = value.clone();
    write(path, &header);
}

fn header(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    serde_json::from_slice(&bytes[8..8 + length]).unwrap()
}

fn write(path: &Path, header: &Value) {
    let bytes = fs::read(path).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header = header.to_string().into_bytes();
    let mut written = (header.len() as u64).to_le_bytes().to_vec();
    written.extend(header);
    written.extend(&bytes[8 + length..]);
    fs::write(path, written).unwrap();
}
