//! The specimen as a GGUF file.

use std::fs;
use std::io;
use std::path::Path;

use olive_schemas::model::{Model, ModelKind};

use super::weights::{
    HEAD_DIM, HEADS, HIDDEN, INTERMEDIATE, KV_HEADS, MAX_POSITIONS, SPECIAL, Weight, tokens,
    weights,
};

/// Tensors start at multiples of this.
const ALIGNMENT: usize = 32;

/// Writes the file into `folder`.
pub(super) fn write(folder: &Path) -> io::Result<Model> {
    let path = folder.join("model.gguf");
    fs::write(&path, bytes())?;
    Ok(Model::new(ModelKind::Gguf, path))
}

fn bytes() -> Vec<u8> {
    let (metadata, weights) = (metadata(), weights());
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    put_count(&mut bytes, weights.len());
    put_count(&mut bytes, metadata.len());
    for (key, value) in &metadata {
        put_text(&mut bytes, key);
        value.put(&mut bytes);
    }
    let mut start = 0;
    for Weight { names, shape, values } in &weights {
        put_text(&mut bytes, names[1]);
        bytes.extend(u32::try_from(shape.len()).unwrap_or_default().to_le_bytes());
        for &size in shape.iter().rev() {
            put_count(&mut bytes, size);
        }
        // Type 0 is f32.
        bytes.extend(0_u32.to_le_bytes());
        put_count(&mut bytes, start);
        start += (values.len() * size_of::<f32>()).next_multiple_of(ALIGNMENT);
    }
    for weight in &weights {
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes.extend(weight.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

/// A value of the metadata.
enum Entry {
    Count(usize),
    Number(f32),
    Text(&'static str),
    Texts(Vec<String>),
    Integers(Vec<i32>),
}

fn metadata() -> Vec<(String, Entry)> {
    let counts = [
        ("llama.block_count", 1),
        ("llama.context_length", MAX_POSITIONS),
        ("llama.embedding_length", HIDDEN),
        ("llama.feed_forward_length", INTERMEDIATE),
        ("llama.attention.head_count", HEADS),
        ("llama.attention.head_count_kv", KV_HEADS),
        ("llama.rope.dimension_count", HEAD_DIM),
        ("llama.vocab_size", tokens().len()),
        ("tokenizer.ggml.unknown_token_id", 0),
        ("tokenizer.ggml.bos_token_id", 1),
        ("tokenizer.ggml.eos_token_id", 2),
        ("tokenizer.ggml.padding_token_id", 3),
    ];
    let counts = counts.map(|(key, count)| (key, Entry::Count(count)));
    // Kind 3 is a control token, kind 1 an ordinary one.
    let kinds = (0..tokens().len()).map(|id| if id < SPECIAL.len() { 3 } else { 1 });
    let others = [
        ("general.architecture", Entry::Text("llama")),
        ("llama.rope.freq_base", Entry::Number(10_000.0)),
        ("llama.attention.layer_norm_rms_epsilon", Entry::Number(1e-5)),
        ("tokenizer.ggml.model", Entry::Text("gpt2")),
        ("tokenizer.ggml.pre", Entry::Text("gpt-2")),
        ("tokenizer.ggml.tokens", Entry::Texts(tokens())),
        ("tokenizer.ggml.token_type", Entry::Integers(kinds.collect())),
        ("tokenizer.ggml.merges", Entry::Texts(Vec::new())),
    ];
    others.into_iter().chain(counts).map(|(key, entry)| (key.to_owned(), entry)).collect()
}

impl Entry {
    /// The number of the type, then the value.
    fn put(&self, bytes: &mut Vec<u8>) {
        let mut kind = |kind: u32| bytes.extend(kind.to_le_bytes());
        match self {
            Self::Count(value) => {
                kind(4);
                bytes.extend(u32::try_from(*value).unwrap_or_default().to_le_bytes());
            }
            Self::Number(value) => {
                kind(6);
                bytes.extend(value.to_le_bytes());
            }
            Self::Text(value) => {
                kind(8);
                put_text(bytes, value);
            }
            Self::Texts(values) => {
                kind(9);
                kind(8);
                put_count(bytes, values.len());
                for value in values {
                    put_text(bytes, value);
                }
            }
            Self::Integers(values) => {
                kind(9);
                kind(5);
                put_count(bytes, values.len());
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend((count as u64).to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_count(bytes, text.len());
    bytes.extend(text.as_bytes());
}
