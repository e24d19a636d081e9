//! Configs of models whose weights are made up.

use serde_json::{Value, json};

/// Models of 0.1 to 7 billion parameters, by name.
pub(crate) fn sizes() -> Vec<(&'static str, Value)> {
    vec![
        ("SmolLM2-135M", smollm2(30)),
        ("Qwen2.5-0.5B", half_billion()),
        ("Qwen2.5-1.5B", qwen2(151_936, 1536, 8960, 28, [12, 2], true)),
        ("Phi-3-mini", phi3_mini()),
        ("Qwen2.5-7B", qwen2(152_064, 3584, 18944, 28, [28, 4], false)),
    ]
}

/// The widths of Qwen2.5-0.5B.
pub(crate) fn half_billion() -> Value {
    qwen2(151_936, 896, 4864, 24, [14, 2], true)
}

fn qwen2(
    vocab: usize,
    hidden: usize,
    inner: usize,
    layers: usize,
    [heads, kv_heads]: [usize; 2],
    is_tied: bool,
) -> Value {
    json!({
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "tie_word_embeddings": is_tied,
        "torch_dtype": "bfloat16",
        "bos_token_id": 1,
        "eos_token_id": 2,
    })
}

/// The widths of SmolLM2-135M with this many layers.
pub(crate) fn smollm2(layers: usize) -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": layers,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100_000.0,
        "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
        "bos_token_id": 1,
        "eos_token_id": 2,
    })
}

/// The widths of Phi-3-mini-4k.
pub(crate) fn phi3_mini() -> Value {
    json!({
        "architectures": ["Phi3ForCausalLM"],
        "model_type": "phi3",
        "vocab_size": 32064,
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "max_position_embeddings": 4096,
        "original_max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "sliding_window": 2047,
        "tie_word_embeddings": false,
        "torch_dtype": "bfloat16",
        "bos_token_id": 1,
        "eos_token_id": 32000,
    })
}
