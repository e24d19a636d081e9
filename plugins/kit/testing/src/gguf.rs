//! GGUF files, as llama.cpp writes them.

use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, Decoder, Dtype};
use serde_json::Value;

use crate::fixture;

/// How a test file stores a tensor.
#[derive(Debug, Clone, Copy)]
pub enum Storage {
    /// Singles.
    F32,
    /// Halves.
    F16,
    /// Blocks of 32 codes of 8 bits with a scale.
    Q8_0,
    /// Blocks of 32 codes of 4 bits with scale and offset.
    Q4_1,
}

/// A GGUF file in memory.
#[derive(Debug, Clone, Default)]
pub struct GgufFile {
    /// What is said besides tensors, in order.
    pub metadata: Vec<(String, Entry)>,
    /// Tensors, in order.
    pub tensors: Vec<StoredTensor>,
}

/// One value of the metadata.
#[derive(Debug, Clone)]
pub enum Entry {
    /// An unsigned integer.
    Count(u32),
    /// A single.
    Number(f32),
    /// True or false.
    Flag(bool),
    /// A string.
    Text(String),
    /// Strings.
    Texts(Vec<String>),
    /// Signed integers.
    Integers(Vec<i32>),
}

/// A tensor of the file.
#[derive(Debug, Clone)]
pub struct StoredTensor {
    /// Name in the file.
    pub name: String,
    /// Slowest first.
    pub shape: Vec<usize>,
    /// Number of the type in the format.
    pub kind: u32,
    /// The stored values.
    pub bytes: Vec<u8>,
}

impl GgufFile {
    /// Says `entry` under `key`, in place of what was said.
    pub fn set(&mut self, key: &str, entry: Entry) {
        self.remove(key);
        self.metadata.push((key.into(), entry));
    }

    /// Says nothing under `key`.
    pub fn remove(&mut self, key: &str) {
        self.metadata.retain(|(known, _)| known != key);
    }

    /// The content of the file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, entry) in &self.metadata {
            put_text(&mut bytes, key);
            entry.put(&mut bytes);
        }
        let mut start = 0;
        for tensor in &self.tensors {
            put_text(&mut bytes, &tensor.name);
            bytes.extend(u32::try_from(tensor.shape.len()).unwrap().to_le_bytes());
            for &size in tensor.shape.iter().rev() {
                bytes.extend((size as u64).to_le_bytes());
            }
            bytes.extend(tensor.kind.to_le_bytes());
            bytes.extend((start as u64).to_le_bytes());
            start += tensor.bytes.len().next_multiple_of(32);
        }
        for tensor in &self.tensors {
            bytes.resize(bytes.len().next_multiple_of(32), 0);
            bytes.extend(&tensor.bytes);
        }
        bytes
    }
}

impl Entry {
    fn put(&self, bytes: &mut Vec<u8>) {
        let mut kind = |kind: u32| bytes.extend(kind.to_le_bytes());
        match self {
            Self::Count(value) => {
                kind(4);
                bytes.extend(value.to_le_bytes());
            }
            Self::Number(value) => {
                kind(6);
                bytes.extend(value.to_le_bytes());
            }
            Self::Flag(value) => {
                kind(7);
                bytes.push(u8::from(*value));
            }
            Self::Text(value) => {
                kind(8);
                put_text(bytes, value);
            }
            Self::Texts(values) => {
                kind(9);
                kind(8);
                bytes.extend((values.len() as u64).to_le_bytes());
                for value in values {
                    put_text(bytes, value);
                }
            }
            Self::Integers(values) => {
                kind(9);
                kind(5);
                bytes.extend((values.len() as u64).to_le_bytes());
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// `tiny-llama` as llama.cpp's converter would store it, norms as F32 and the rest as `storage`.
pub fn tiny(storage: Storage) -> GgufFile {
    let dir = fixture("tiny-llama");
    let checkpoint = Checkpoint::open(&dir).unwrap();
    let decoder = checkpoint.decoder();
    let mut file = GgufFile::default();
    put_figures(&mut file, decoder);
    put_tokenizer(&mut file, &dir);
    for name in checkpoint.tensor_names() {
        let tensor = checkpoint.tensor(name).unwrap();
        let values = tensor.to_f32();
        let values = match name {
            _ if name.contains("q_proj") => interleave(&values, decoder.num_heads),
            _ if name.contains("k_proj") => interleave(&values, decoder.num_kv_heads),
            _ => values.into_owned(),
        };
        let storage = if tensor.shape.len() == 1 { Storage::F32 } else { storage };
        let (kind, bytes) = stored(&values, storage);
        let shape = tensor.shape.to_vec();
        file.tensors.push(StoredTensor { name: gguf_name(name), shape, kind, bytes });
    }
    file
}

fn put_figures(file: &mut GgufFile, decoder: &Decoder) {
    let counts = [
        ("block_count", decoder.num_layers),
        ("context_length", decoder.max_positions),
        ("embedding_length", decoder.hidden_size),
        ("feed_forward_length", decoder.intermediate_size),
        ("attention.head_count", decoder.num_heads),
        ("attention.head_count_kv", decoder.num_kv_heads),
        ("rope.dimension_count", decoder.head_dim),
        ("vocab_size", decoder.vocab_size),
    ];
    file.set("general.architecture", Entry::Text("llama".into()));
    for (key, count) in counts {
        file.set(&format!("llama.{key}"), Entry::Count(u32::try_from(count).unwrap()));
    }
    file.set("llama.rope.freq_base", Entry::Number(10_000.0));
    file.set("llama.attention.layer_norm_rms_epsilon", Entry::Number(1e-5));
}

fn put_tokenizer(file: &mut GgufFile, dir: &Path) {
    let json = std::fs::read(dir.join("tokenizer.json")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let mut tokens: Vec<_> = json["model"]["vocab"].as_object().unwrap().iter().collect();
    tokens.sort_by_key(|(_, id)| id.as_u64());
    let kinds = (0..tokens.len()).map(|id| if id < 4 { 3 } else { 1 }).collect();
    let tokens = tokens.into_iter().map(|(token, _)| token.clone()).collect();
    let merges = json["model"]["merges"].as_array().unwrap().iter();
    let merges = merges
        .map(|merge| format!("{} {}", merge[0].as_str().unwrap(), merge[1].as_str().unwrap()));
    file.set("tokenizer.ggml.model", Entry::Text("gpt2".into()));
    file.set("tokenizer.ggml.pre", Entry::Text("gpt-2".into()));
    file.set("tokenizer.ggml.tokens", Entry::Texts(tokens));
    file.set("tokenizer.ggml.token_type", Entry::Integers(kinds));
    file.set("tokenizer.ggml.merges", Entry::Texts(merges.collect()));
    let ids = [("unknown", 0), ("bos", 1), ("eos", 2), ("padding", 3)];
    for (name, id) in ids {
        file.set(&format!("tokenizer.ggml.{name}_token_id"), Entry::Count(id));
    }
    let template = std::fs::read_to_string(dir.join("chat_template.jinja")).unwrap();
    file.set("tokenizer.chat_template", Entry::Text(template));
}

fn gguf_name(name: &str) -> String {
    let parts = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("model.layers", "blk"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    parts.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

/// llama.cpp's order: row `i` of the first half of a head, then row `i` of the second half.
///
/// `values` are square or less: `[heads * head_dim, 64]`.
fn interleave(values: &[f32], num_heads: usize) -> Vec<f32> {
    let rows: Vec<_> = values.chunks(64).collect();
    let head_dim = rows.len() / num_heads;
    let order = (0..rows.len()).map(|row| {
        let (head, within) = (row / head_dim, row % head_dim);
        head * head_dim + within % 2 * (head_dim / 2) + within / 2
    });
    order.flat_map(|row| rows[row].to_vec()).collect()
}

/// Type number and bytes of values stored in a way whose steps the test can compute itself.
fn stored(values: &[f32], storage: Storage) -> (u32, Vec<u8>) {
    match storage {
        Storage::F32 => (0, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Storage::F16 => (1, values.iter().flat_map(|&value| half(value)).collect()),
        Storage::Q8_0 => (8, values.chunks(32).flat_map(q8_0).collect()),
        Storage::Q4_1 => (3, values.chunks(32).flat_map(q4_1).collect()),
    }
}

/// Scale 1/64, then 32 signed steps.
fn q8_0(block: &[f32]) -> Vec<u8> {
    #[expect(clippy::cast_possible_truncation, reason = "clamped by the cast")]
    let steps = block.iter().map(|value| ((value * 64.0).round() as i8).to_le_bytes()[0]);
    half(1.0 / 64.0).into_iter().chain(steps).collect()
}

/// Scale 1/8 and offset -1, then 32 steps of 0 to 15: the first 16 in the low halves of bytes.
fn q4_1(block: &[f32]) -> Vec<u8> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 15")]
    let step = |value: f32| ((value + 1.0) * 8.0).round().clamp(0.0, 15.0) as u8;
    let pairs = block[..16].iter().zip(&block[16..]).map(|(&a, &b)| step(a) | (step(b) << 4));
    half(1.0 / 8.0).into_iter().chain(half(-1.0)).chain(pairs).collect()
}

/// What `storage` makes of a value.
pub fn restored(value: f32, storage: Storage) -> f32 {
    match storage {
        Storage::F32 => value,
        Storage::F16 => rounded(value, Dtype::F16),
        Storage::Q8_0 => (value * 64.0).round().clamp(-128.0, 127.0) / 64.0,
        Storage::Q4_1 => ((value + 1.0) * 8.0).round().clamp(0.0, 15.0) / 8.0 - 1.0,
    }
}

/// A value as `dtype` holds it.
pub fn rounded(value: f32, dtype: Dtype) -> f32 {
    let mut bytes = Vec::new();
    dtype.encode(&[value], &mut bytes);
    dtype.decode(&bytes)[0]
}

fn half(value: f32) -> [u8; 2] {
    let mut bytes = Vec::new();
    Dtype::F16.encode(&[value], &mut bytes);
    [bytes[0], bytes[1]]
}
