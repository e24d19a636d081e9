//! Configs of published models, abridged: what they say of shape and of rotation, in the layout they
//! were published in.

use std::fs;

use olive_kit_checkpoint::rope::RopeScaling;
use olive_kit_checkpoint::{Checkpoint, Decoder};
use serde_json::{Value, json};

/// Vocabulary, width, MLP width, layers, query heads, kv heads, positions.
type Sizes = [usize; 7];

const TIED: &str = r#"{ "tie_word_embeddings": true }"#;
const NO_WINDOW: &str = r#"{ "sliding_window": null }"#;
const WIDE: &str = r#"{ "head_dim": 128, "sliding_window": null }"#;
const QWEN: &str = r#"{
    "max_window_layers": 21,
    "sliding_window": 32768,
    "tie_word_embeddings": true,
    "use_sliding_window": false
}"#;
const QWEN3: &str = r#"{ "attention_bias": false, "head_dim": 128, "tie_word_embeddings": true }"#;
const GEMMA: &str = r#"{ "head_dim": 256, "hidden_act": "gelu" }"#;
const GEMMA2: &str = r#"{
    "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0,
    "head_dim": 256,
    "hidden_act": "gelu_pytorch_tanh",
    "hidden_activation": "gelu_pytorch_tanh",
    "query_pre_attn_scalar": 256,
    "sliding_window": 4096
}"#;

/// Name, architecture, sizes, what else the config says, and number of parameters.
const MODELS: [(&str, &str, Sizes, &str, usize); 16] = [
    ("SmolLM2-135M", "LlamaForCausalLM", [49152, 576, 1536, 30, 9, 3, 8192], TIED, 134_515_008),
    ("Llama-2-7b", "LlamaForCausalLM", [32000, 4096, 11008, 32, 32, 32, 4096], "{}", 6_738_415_616),
    (
        "Llama-3.1-8B",
        "LlamaForCausalLM",
        [128_256, 4096, 14336, 32, 32, 8, 131_072],
        "{}",
        8_030_261_248,
    ),
    (
        "Llama-3.2-1B",
        "LlamaForCausalLM",
        [128_256, 2048, 8192, 16, 32, 8, 131_072],
        TIED,
        1_235_814_400,
    ),
    (
        "Mistral-7B-v0.1",
        "MistralForCausalLM",
        [32000, 4096, 14336, 32, 32, 8, 32768],
        "{}",
        7_241_732_096,
    ),
    (
        "Mistral-7B-v0.3",
        "MistralForCausalLM",
        [32768, 4096, 14336, 32, 32, 8, 32768],
        NO_WINDOW,
        7_248_023_552,
    ),
    (
        "Mistral-Nemo-Base-2407",
        "MistralForCausalLM",
        [131_072, 5120, 14336, 40, 32, 8, 128_000],
        WIDE,
        12_247_782_400,
    ),
    (
        "Phi-3-mini-4k-instruct",
        "Phi3ForCausalLM",
        [32064, 3072, 8192, 32, 32, 32, 4096],
        r#"{ "sliding_window": 2047 }"#,
        3_821_079_552,
    ),
    (
        "phi-4",
        "Phi3ForCausalLM",
        [100_352, 5120, 17920, 40, 40, 10, 16384],
        NO_WINDOW,
        14_659_507_200,
    ),
    (
        "Phi-4-mini-instruct",
        "Phi3ForCausalLM",
        [200_064, 3072, 8192, 32, 24, 8, 131_072],
        TIED,
        3_836_021_760,
    ),
    ("Qwen2.5-0.5B", "Qwen2ForCausalLM", [151_936, 896, 4864, 24, 14, 2, 32768], QWEN, 494_032_768),
    (
        "Qwen2.5-7B",
        "Qwen2ForCausalLM",
        [152_064, 3584, 18944, 28, 28, 4, 131_072],
        "{}",
        7_615_616_512,
    ),
    ("Qwen3-0.6B", "Qwen3ForCausalLM", [151_936, 1024, 3072, 28, 16, 8, 40960], QWEN3, 596_049_920),
    ("gemma-2b", "GemmaForCausalLM", [256_000, 2048, 16384, 18, 8, 1, 8192], GEMMA, 2_506_172_416),
    (
        "gemma-2-2b",
        "Gemma2ForCausalLM",
        [256_000, 2304, 9216, 26, 8, 4, 8192],
        GEMMA2,
        2_614_341_888,
    ),
    (
        "gemma-2-9b",
        "Gemma2ForCausalLM",
        [256_000, 3584, 14336, 42, 16, 8, 8192],
        GEMMA2,
        9_241_705_984,
    ),
];

fn decoder(architecture: &str, sizes: Sizes, others: &Value) -> Decoder {
    let [vocab, hidden, inner, layers, heads, kv_heads, positions] = sizes;
    let mut config = json!({
        "architectures": [architecture],
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": positions,
    });
    config.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    Checkpoint::describe(dir.path()).unwrap().decoder
}

fn num_parameters(decoder: &Decoder) -> usize {
    decoder.tensors().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
}

#[test]
fn published_models_have_their_number_of_parameters() {
    for (name, architecture, sizes, others, expected) in MODELS {
        let others = serde_json::from_str(others).unwrap();
        assert_eq!(num_parameters(&decoder(architecture, sizes, &others)), expected, "{name}");
    }
}

#[test]
fn published_rotations_are_read() {
    let llama = json!({
        "rope_scaling": {
            "factor": 32.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "llama3"
        },
        "rope_theta": 500_000.0,
    });
    let sizes = [128_256, 2048, 8192, 16, 32, 8, 131_072];
    let llama = decoder("LlamaForCausalLM", sizes, &llama).rope;
    assert!((llama.theta - 500_000.0).abs() < f64::EPSILON);
    assert!(matches!(&llama.scaling, RopeScaling::Llama3(bands)
        if bands.original_max_positions == 8192 && (bands.factor - 32.0).abs() < f64::EPSILON));

    // The factors of Phi-4-mini are all 1 for short sequences; those of long ones are abridged.
    let phi4 = json!({
        "attention_bias": false,
        "full_attn_mod": 1,
        "interpolate_factor": 1,
        "lm_head_bias": false,
        "mlp_bias": false,
        "original_max_position_embeddings": 4096,
        "partial_rotary_factor": 0.75,
        "rope_scaling": {
            "long_factor": vec![1.5; 48],
            "short_factor": vec![1.0; 48],
            "type": "longrope"
        },
        "sliding_window": 262_144,
    });
    let sizes = [200_064, 3072, 8192, 32, 24, 8, 131_072];
    let phi4 = decoder("Phi3ForCausalLM", sizes, &phi4);
    assert_eq!((phi4.head_dim, phi4.rope.rotary_dim, phi4.window(0)), (128, 96, Some(262_144)));
    // sqrt(1 + ln(131072 / 4096) / ln(4096))
    assert!((phi4.rope.attention_factor() - 1.190_238).abs() < 1e-6);
}
