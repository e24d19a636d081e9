//! A model to try a new plugin on: the smallest folder that is a Llama checkpoint in form, or an
//! ONNX model.

mod onnx;

use std::fmt::Write;

use serde_json::{Map, Value, json};

/// Tensors of the model, by name and shape.
const TENSORS: [(&str, &[usize]); 12] = [
    ("lm_head.weight", &[32, 32]),
    ("model.embed_tokens.weight", &[32, 32]),
    ("model.layers.0.input_layernorm.weight", &[32]),
    ("model.layers.0.mlp.down_proj.weight", &[32, 64]),
    ("model.layers.0.mlp.gate_proj.weight", &[64, 32]),
    ("model.layers.0.mlp.up_proj.weight", &[64, 32]),
    ("model.layers.0.post_attention_layernorm.weight", &[32]),
    ("model.layers.0.self_attn.k_proj.weight", &[32, 32]),
    ("model.layers.0.self_attn.o_proj.weight", &[32, 32]),
    ("model.layers.0.self_attn.q_proj.weight", &[32, 32]),
    ("model.layers.0.self_attn.v_proj.weight", &[32, 32]),
    ("model.norm.weight", &[32]),
];

/// Ids 0, 1 and 2 of the tokenizer.
const SPECIAL_TOKENS: [&str; 3] = ["<unk>", "<s>", "</s>"];

/// What a new plugin works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    Checkpoint,
    Onnx,
}

/// The files of the folder `model/`.
pub(super) fn files(sample: Sample) -> Vec<(String, Vec<u8>)> {
    let json = |value: Value| format!("{value:#}\n").into();
    if sample == Sample::Onnx {
        return vec![("model/model.onnx".into(), onnx::model())];
    }
    vec![
        ("model/config.json".into(), json(config())),
        ("model/model.safetensors".into(), weights()),
        ("model/tokenizer.json".into(), json(tokenizer())),
        ("model/tokenizer_config.json".into(), json(special_tokens())),
    ]
}

fn config() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 32,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": false,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": "float32"
    })
}

/// A tokenizer of letters.
fn tokenizer() -> Value {
    let letters = ('a'..='z').map(String::from);
    let tokens = SPECIAL_TOKENS.map(str::to_owned).into_iter();
    let tokens = tokens.chain(["\u{2581}", ".", ","].map(str::to_owned)).chain(letters);
    let vocab: Map<String, Value> = tokens.zip(0..).map(|(t, id)| (t, Value::from(id))).collect();
    let added = SPECIAL_TOKENS.iter().zip(0..).map(|(token, id): (_, u32)| {
        json!({
            "id": id, "content": token, "special": true, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false
        })
    });
    let spaces = json!({
        "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": false
    });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added.collect::<Vec<_>>(),
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": spaces,
        "post_processor": null,
        "decoder": spaces,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": SPECIAL_TOKENS[0],
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
            "byte_fallback": false, "vocab": vocab, "merges": []
        }
    })
}

fn special_tokens() -> Value {
    let [unknown, begin, end] = SPECIAL_TOKENS;
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": unknown,
        "bos_token": begin,
        "eos_token": end,
        "model_max_length": 64
    })
}

/// A safetensors file: length of the header, the header, then the tensors as little-endian floats.
fn weights() -> Vec<u8> {
    let mut header = String::from(r#"{"__metadata__":{"format":"pt"}"#);
    let mut data: Vec<u8> = Vec::new();
    // A linear congruential generator: the same model on every machine.
    let mut state = 1_u32;
    for (name, shape) in TENSORS {
        let start = data.len();
        for _ in 0..shape.iter().product() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [.., low, high] = state.to_le_bytes();
            let noise = f32::from(i16::from_le_bytes([low, high]));
            let weight = if name.ends_with("norm.weight") { 1.0 } else { noise / 327_680.0 };
            data.extend(weight.to_le_bytes());
        }
        let (shape, end) = (json!(shape), data.len());
        let entry = format!(r#","{name}":{{"dtype":"F32","shape":{shape},"data_offsets":"#);
        let _ = write!(header, "{entry}[{start},{end}]}}");
    }
    header.push('}');
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let length = header.len() as u64;
    [&length.to_le_bytes(), header.as_bytes(), &data].concat()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{TENSORS, tokenizer, weights};

    #[test]
    fn the_header_tells_where_every_tensor_is() {
        let file = weights();
        let length = usize::try_from(u64::from_le_bytes(file[..8].try_into().unwrap())).unwrap();
        let header: Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
        let data = &file[8 + length..];
        assert_eq!(length % 8, 0);
        let mut end = 0;
        for (name, shape) in TENSORS {
            let offsets = &header[name]["data_offsets"];
            assert_eq!(offsets[0], end, "{name}");
            end += 4 * shape.iter().product::<usize>();
            assert_eq!(offsets[1], end, "{name}");
        }
        assert_eq!(data.len(), end);
        let values = data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        assert!(values.into_iter().all(|value| value.abs() <= 1.0));
    }

    #[test]
    fn every_token_has_a_row_of_the_embedding() {
        let vocab = tokenizer()["model"]["vocab"].as_object().unwrap().len();
        assert_eq!(TENSORS[1].1[0], vocab);
    }
}
