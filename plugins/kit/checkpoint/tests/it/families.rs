//! What the `config.json` of each family becomes, and what it is refused for.

use std::fs;

use olive_kit_checkpoint::{
    Activation, Biases, Checkpoint, CheckpointError, Decoder, Dtype, Family, Feature,
    WindowedLayers,
};
use serde_json::{Value, json};

/// The decoder of a config: 4 layers of width 64 and 4 heads, with `changes`.
fn decoder(architecture: &str, changes: Value) -> Result<Decoder, CheckpointError> {
    let mut config = json!({
        "architectures": [architecture],
        "hidden_size": 64,
        "intermediate_size": 128,
        "max_position_embeddings": 128,
        "num_attention_heads": 4,
        "num_hidden_layers": 4,
        "num_key_value_heads": 2,
        "vocab_size": 512,
    });
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    config.as_object_mut().unwrap().extend(changes);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    Checkpoint::describe(dir.path()).map(|description| description.decoder)
}

fn check_refused(architecture: &str, changes: Value, expected: &str) {
    let message = decoder(architecture, changes).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn every_family_is_found_by_either_name() {
    for family in Family::ALL {
        let by_architecture = decoder(family.architecture(), json!({})).unwrap();
        assert_eq!(by_architecture.family, family);
        let only_type = json!({ "architectures": null, "model_type": family.model_type() });
        assert_eq!(decoder("", only_type).unwrap(), by_architecture);
    }
}

#[test]
fn absent_keys_have_the_defaults_of_transformers() {
    let rows: [(&str, usize, f64, bool); 7] = [
        ("LlamaForCausalLM", 16, 1e-6, false),
        ("MistralForCausalLM", 16, 1e-6, false),
        ("Phi3ForCausalLM", 16, 1e-5, false),
        ("Qwen2ForCausalLM", 16, 1e-6, false),
        ("Qwen3ForCausalLM", 128, 1e-6, false),
        ("GemmaForCausalLM", 256, 1e-6, true),
        ("Gemma2ForCausalLM", 256, 1e-6, true),
    ];
    for (architecture, head_dim, norm_epsilon, ties_embeddings) in rows {
        let found = decoder(architecture, json!({})).unwrap();
        assert_eq!(
            (found.head_dim, found.norm_epsilon, found.ties_embeddings),
            (head_dim, norm_epsilon, ties_embeddings),
            "{architecture}"
        );
    }
    let mut without_kv = json!({ "num_attention_heads": 8, "hidden_size": 128 });
    without_kv["num_key_value_heads"] = Value::Null;
    assert_eq!(decoder("MistralForCausalLM", without_kv).unwrap().num_kv_heads, 8);
}

#[test]
fn features_say_what_a_plain_decoder_lacks() {
    use Feature::{
        AttentionBias, AttentionScale, AttentionSoftcap, EmbeddingScale, GeluTanh, HeadNorms,
        LogitSoftcap, MlpBias, NormAddsOne, OutputNorms, SlidingWindow, WindowedLayers,
    };
    let gemma2 = [
        OutputNorms,
        NormAddsOne,
        EmbeddingScale,
        AttentionScale,
        AttentionSoftcap,
        LogitSoftcap,
        GeluTanh,
        WindowedLayers,
    ];
    let rows: [(&str, Value, &[Feature]); 8] = [
        ("LlamaForCausalLM", json!({ "sliding_window": 8 }), &[]),
        (
            "LlamaForCausalLM",
            json!({ "attention_bias": true, "mlp_bias": true }),
            &[AttentionBias, MlpBias],
        ),
        ("MistralForCausalLM", json!({}), &[SlidingWindow]),
        ("MistralForCausalLM", json!({ "sliding_window": null }), &[]),
        ("Qwen2ForCausalLM", json!({ "sliding_window": 8 }), &[AttentionBias]),
        ("Qwen3ForCausalLM", json!({}), &[HeadNorms]),
        ("GemmaForCausalLM", json!({}), &[NormAddsOne, EmbeddingScale, GeluTanh]),
        ("Gemma2ForCausalLM", json!({ "query_pre_attn_scalar": 144 }), &gemma2),
    ];
    for (architecture, changes, features) in rows {
        let found = decoder(architecture, changes).unwrap();
        assert_eq!(found.features(), features, "{architecture}");
        assert!(found.features_beyond(features).is_empty());
    }
}

#[test]
fn biases_are_where_the_family_has_them() {
    let biases =
        |architecture: &str, changes: Value| decoder(architecture, changes).unwrap().biases;
    let qkv = Biases { qkv: true, ..Biases::default() };
    let attention = Biases { output: true, ..qkv };
    let asked = json!({ "attention_bias": true });
    assert_eq!(biases("Qwen2ForCausalLM", json!({})), qkv);
    assert_eq!(biases("Qwen3ForCausalLM", asked.clone()), attention);
    assert_eq!(biases("Gemma2ForCausalLM", asked), attention);
    let qwen = decoder("Qwen2ForCausalLM", json!({})).unwrap();
    let tensors = qwen.tensors();
    let bias = ("model.layers.3.self_attn.v_proj.bias".to_owned(), vec![32]);
    assert!(tensors.contains(&bias));
    assert!(tensors.iter().all(|(name, _)| !name.ends_with("o_proj.bias")));
}

#[test]
fn windows_are_in_the_layers_that_have_them() {
    let window = |architecture: &str, changes: Value| {
        let found = decoder(architecture, changes).unwrap();
        (0..found.num_layers).map(|layer| found.window(layer)).collect::<Vec<_>>()
    };
    let types = json!(["full_attention", "sliding_attention", "full_attention", "full_attention"]);
    let rows: [(&str, Value, [Option<usize>; 4]); 8] = [
        ("Phi3ForCausalLM", json!({}), [None; 4]),
        ("Phi3ForCausalLM", json!({ "sliding_window": 2047 }), [Some(2047); 4]),
        ("MistralForCausalLM", json!({}), [Some(4096); 4]),
        ("Gemma2ForCausalLM", json!({}), [Some(4096), None, Some(4096), None]),
        (
            "Gemma2ForCausalLM",
            json!({ "sliding_window": 8, "layer_types": types }),
            [None, Some(8), None, None],
        ),
        (
            "Qwen2ForCausalLM",
            json!({ "use_sliding_window": true, "max_window_layers": 2, "sliding_window": 8 }),
            [None, None, Some(8), Some(8)],
        ),
        (
            "Qwen3ForCausalLM",
            json!({ "use_sliding_window": true, "max_window_layers": 0 }),
            [Some(4096); 4],
        ),
        ("Qwen3ForCausalLM", json!({ "use_sliding_window": true }), [None; 4]),
    ];
    for (architecture, changes, windows) in rows {
        assert_eq!(window(architecture, changes.clone()), windows, "{architecture} {changes}");
    }
    let everywhere = json!({ "use_sliding_window": true, "max_window_layers": 0 });
    let everywhere = decoder("Qwen2ForCausalLM", everywhere).unwrap();
    assert_eq!(everywhere.windowed_layers, WindowedLayers::All);
}

#[test]
fn gemma_2_has_names_of_its_own_for_norms() {
    let gemma = decoder("Gemma2ForCausalLM", json!({})).unwrap().norms(1);
    assert_eq!(gemma.mlp, "model.layers.1.pre_feedforward_layernorm.weight");
    let output = "model.layers.1.post_attention_layernorm.weight";
    assert_eq!(gemma.attention_output.as_deref(), Some(output));
    let output = "model.layers.1.post_feedforward_layernorm.weight";
    assert_eq!(gemma.mlp_output.as_deref(), Some(output));
    let qwen = decoder("Qwen3ForCausalLM", json!({})).unwrap();
    assert_eq!(qwen.norms(0).mlp, "model.layers.0.post_attention_layernorm.weight");
    let norm = ("model.layers.0.self_attn.k_norm.weight".to_owned(), vec![128]);
    assert!(qwen.tensors().contains(&norm));
}

#[test]
fn gemma_2_takes_its_caps_and_scales_from_the_config() {
    let plain = decoder("Gemma2ForCausalLM", json!({})).unwrap();
    assert_eq!((plain.attention_softcap, plain.logit_softcap), (Some(50.0), Some(30.0)));
    assert_eq!((plain.attention_scale, plain.embedding_scale), (1.0 / 16.0, Some(8.0)));
    let changed = json!({
        "attn_logit_softcapping": null,
        "final_logit_softcapping": 5,
        "query_pre_attn_scalar": 144,
        "hidden_size": 3072,
    });
    let changed = decoder("Gemma2ForCausalLM", changed).unwrap();
    assert_eq!((changed.attention_softcap, changed.logit_softcap), (None, Some(5.0)));
    assert!((changed.attention_scale - 1.0 / 12.0).abs() < 1e-15);
    assert_eq!(changed.embedding_scale_in(Dtype::BF16), Some(55.5));
    assert_eq!(changed.embedding_scale_in(Dtype::F32), Some(55.425_625));
}

#[test]
fn gelu_of_gemma_1_is_its_approximation() {
    let old = decoder("GemmaForCausalLM", json!({ "hidden_act": "gelu" })).unwrap();
    assert_eq!(old.activation, Activation::GeluTanh);
    check_refused("Gemma2ForCausalLM", json!({ "hidden_activation": "gelu" }), "`gelu`; known");
}

#[test]
fn what_a_family_does_not_compute_is_refused() {
    let long = |kind: &str| json!({ "rope_scaling": { "rope_type": kind, "factor": 2.0 } });
    let rows: [(&str, Value, &str); 12] = [
        ("LlamaForCausalLM", json!({ "num_hidden_layers": 2_000_000 }), "more than 10000"),
        ("LlamaForCausalLM", long("linear"), "unknown rope type `linear`"),
        ("LlamaForCausalLM", long("dynamic"), "unknown rope type `dynamic`"),
        ("LlamaForCausalLM", json!({ "partial_rotary_factor": 0.5 }), "rotates all"),
        ("SmolLM3ForCausalLM", json!({}), "unknown architecture `SmolLM3ForCausalLM`; known are"),
        ("MistralForCausalLM", json!({ "attention_bias": true }), "`attention_bias` is true"),
        ("Phi3ForCausalLM", json!({ "lm_head_bias": true }), "`lm_head_bias` is true"),
        ("Phi3ForCausalLM", json!({ "hidden_act": "relu" }), "unknown `hidden_act` `relu`"),
        (
            "Qwen2ForCausalLM",
            json!({ "layer_types": ["full_attention"] }),
            "`layer_types` lists 1 layers, but `num_hidden_layers` is 4",
        ),
        (
            "Gemma2ForCausalLM",
            json!({ "layer_types": ["full_attention", "chunked_attention", "", ""] }),
            "`layer_types` has \"chunked_attention\"",
        ),
        ("Gemma2ForCausalLM", json!({ "sliding_window": null }), "there is no `sliding_window`"),
        (
            "GemmaForCausalLM",
            json!({ "use_bidirectional_attention": true }),
            "`use_bidirectional_attention` is true",
        ),
    ];
    for (architecture, changes, expected) in rows {
        check_refused(architecture, changes, expected);
    }
}
