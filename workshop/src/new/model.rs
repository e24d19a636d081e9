//! A model to try a new plugin on: the smallest folder that is a Llama checkpoint in form.

use std::fmt::Write;

use serde_json::json;

/// Tensors of the model, by name and shape.
const TENSORS: [(&str, &[usize]); 12] = [
    ("lm_head.weight", &[32, 8]),
    ("model.embed_tokens.weight", &[32, 8]),
    ("model.layers.0.input_layernorm.weight", &[8]),
    ("model.layers.0.mlp.down_proj.weight", &[8, 16]),
    ("model.layers.0.mlp.gate_proj.weight", &[16, 8]),
    ("model.layers.0.mlp.up_proj.weight", &[16, 8]),
    ("model.layers.0.post_attention_layernorm.weight", &[8]),
    ("model.layers.0.self_attn.k_proj.weight", &[8, 8]),
    ("model.layers.0.self_attn.o_proj.weight", &[8, 8]),
    ("model.layers.0.self_attn.q_proj.weight", &[8, 8]),
    ("model.layers.0.self_attn.v_proj.weight", &[8, 8]),
    ("model.norm.weight", &[8]),
];

/// The files of the folder `model/`.
pub(super) fn files() -> [(String, Vec<u8>); 2] {
    [
        ("model/config.json".into(), format!("{:#}\n", config()).into()),
        ("model/model.safetensors".into(), weights()),
    ]
}

fn config() -> serde_json::Value {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 32,
        "hidden_size": 8,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "torch_dtype": "float32"
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
            let noise = f32::from(i16::from_ne_bytes([(state >> 16) as u8, (state >> 24) as u8]));
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

    use super::{TENSORS, weights};

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
        assert!(values.into_iter().all(|value| value == 1.0 || value.abs() <= 0.1));
    }
}
