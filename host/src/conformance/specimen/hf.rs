//! The specimen as a Hugging Face folder.

use std::fs;
use std::io;
use std::path::Path;

use olive_schemas::model::{Model, ModelKind};
use serde_json::{Map, Value, json};

use super::weights::{
    HEAD_DIM, HEADS, HIDDEN, INTERMEDIATE, KV_HEADS, MAX_POSITIONS, SPECIAL, tokens, weights,
};

/// Writes the files into `folder`.
pub(super) fn write(folder: &Path) -> io::Result<Model> {
    let json = |name: &str, value: &Value| fs::write(folder.join(name), format!("{value:#}\n"));
    json("config.json", &config())?;
    json("generation_config.json", &json!({"bos_token_id": 1, "eos_token_id": 2}))?;
    json("tokenizer.json", &tokenizer())?;
    json("tokenizer_config.json", &tokenizer_config())?;
    fs::write(folder.join("model.safetensors"), safetensors()?)?;
    Ok(Model::new(ModelKind::Hf, folder))
}

fn config() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": false,
        "bos_token_id": 1,
        "dtype": "float32",
        "eos_token_id": 2,
        "head_dim": HEAD_DIM,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": MAX_POSITIONS,
        "mlp_bias": false,
        "model_type": "llama",
        "num_attention_heads": HEADS,
        "num_hidden_layers": 1,
        "num_key_value_heads": KV_HEADS,
        "pad_token_id": 3,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10_000.0,
        "tie_word_embeddings": true,
        "use_cache": true,
        "vocab_size": tokens().len(),
    })
}

fn tokenizer() -> Value {
    let vocab: Map<String, Value> =
        tokens().into_iter().zip(0_u32..).map(|(token, id)| (token, id.into())).collect();
    let special = |(id, token): (usize, &&str)| {
        json!({
            "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true
        })
    };
    let byte_level = |prefix: bool| {
        json!({
            "type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": true,
            "use_regex": true
        })
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": SPECIAL.iter().enumerate().map(special).collect::<Vec<_>>(),
        "normalizer": null,
        "pre_tokenizer": byte_level(false),
        "post_processor": null,
        "decoder": byte_level(true),
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocab,
            "merges": []
        }
    })
}

fn tokenizer_config() -> Value {
    let [unk, bos, eos, pad] = SPECIAL;
    json!({
        "bos_token": bos,
        "clean_up_tokenization_spaces": false,
        "eos_token": eos,
        "model_max_length": MAX_POSITIONS,
        "pad_token": pad,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": unk
    })
}

/// A header of names, types, shapes and places, then the values.
fn safetensors() -> io::Result<Vec<u8>> {
    let mut header = Map::from_iter([("__metadata__".to_owned(), json!({"format": "pt"}))]);
    let mut data = Vec::new();
    for weight in weights() {
        let start = data.len();
        data.extend(weight.values.iter().flat_map(|value| value.to_le_bytes()));
        let place = json!({
            "dtype": "F32", "shape": weight.shape, "data_offsets": [start, data.len()]
        });
        header.insert(weight.names[0].to_owned(), place);
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(data);
    Ok(bytes)
}
