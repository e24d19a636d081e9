//! The schema knows every name that Olive and ONNX Runtime GenAI's builder have.

use olive_plugin_api::{AcceleratorRule, Advice, Plugin};
use olive_plugin_model_builder::ModelBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

/// Parameters of Olive's pass.
const SETTINGS: &str = "precision metadata_only search int4_block_size int4_accuracy_level \
    int4_is_symmetric int4_op_types_to_quantize int4_nodes_to_exclude int4_algo_config use_qdq \
    use_8bits_moe use_webgpu_fp32 use_cuda_bf16 include_hidden_states exclude_embeds \
    exclude_lm_head enable_cuda_graph extra_options";

/// Options of the builder, of any era.
const EXTRA: &str = "accuracy_level int4_accuracy_level block_size int4_block_size is_symmetric \
    int4_is_symmetric op_types_to_quantize int4_op_types_to_quantize nodes_to_exclude \
    int4_nodes_to_exclude algo_config int4_algo_config matmul_mixed_precision qmoe_block_size \
    qmoe_weights_prepacked matmulnbits_weights_prepacked moe_quant_type use_8bits_moe \
    num_hidden_layers filename config_only hf_token hf_remote cache_dir exclude_embeds \
    exclude_lm_head include_hidden_states prune_lm_head shared_embeddings int4_tied_embeddings \
    enable_cuda_graph enable_dml_graph enable_webgpu_graph use_qdq use_webgpu_fp32 use_cuda_bf16 \
    adapter_path kv_cache_quant_type kv_cache_quant_scheme kv_cache_scale_file kv_cache_rotation \
    disable_qkv_fusion fuse_qk_norm_gqa fuse_qkv fuse_mlp_gate_up use_paged_attention \
    paged_block_size paged_chunk_size gpu_utilization_factor max_batch_size \
    max_scheduled_tokens num_blocks windowed_kv_cache enable_mtp mtp_quant_config \
    max_draft_tokens state_window state_update_capacity use_device_allocator_for_initializers \
    include_prompt_templates exclude_mtp aux_hidden_state_layers dflash2_path \
    dflash2_num_draft_tokens dflash2_fuse_gate_up dflash2_fuse_qkv dflash2_precision dspark_path \
    dspark_num_draft_tokens dspark_top_k linear_attn_op enable_cuda_fpa_intb_gemm";

#[test]
fn every_name_of_olive_and_the_builder_is_known_once() {
    let schema = schema();
    check_known(&schema, SETTINGS);
    check_known(&schema["definitions"]["ExtraOptions"], EXTRA);
}

#[test]
fn settings_of_generation_are_described() {
    let schema = schema();
    let search = &schema["properties"]["search"];
    assert_eq!(search["additionalProperties"], json!(false));
    assert_eq!(search["type"], json!(["object", "null"]));
    let properties = search["properties"].as_object().unwrap();
    assert_eq!(properties.len(), 17);
    assert!(properties.values().all(|property| property["description"].is_string()));
}

#[test]
fn advice_points_to_settings() {
    let schema = schema();
    let extra = &schema["definitions"]["ExtraOptions"]["properties"];
    let is_setting = |pointer: &str| match pointer.strip_prefix("/extra_options/") {
        Some(name) => extra.get(name).is_some(),
        None => schema["properties"].get(&pointer[1..]).is_some(),
    };
    let all = Vec::<Advice>::deserialize(&schema["x-olive-advice"]).unwrap();
    assert_eq!(all.len(), 28);
    for advice in all {
        let filled = advice.message.split('{').skip(1).map(|part| part.split('}').next().unwrap());
        let pointers = filled.map(str::to_owned).chain(advice.related.clone());
        for pointer in pointers.chain([advice.at.clone()]) {
            assert!(is_setting(&pointer), "{pointer} of {advice:?}");
        }
    }
    let rules = Vec::<AcceleratorRule>::deserialize(&schema["x-olive-accelerators"]).unwrap();
    assert!(rules.iter().all(|rule| rule.at.is_empty() || is_setting(&rule.at)));
    assert!(rules.iter().all(|rule| !rule.execution_providers.is_empty()));
}

/// Each of `names` is a setting, an old spelling of one, without effect, or not available.
#[track_caller]
fn check_known(object: &Value, names: &str) {
    let keys = |mark: &str| {
        let map = object.get(mark).and_then(Value::as_object);
        map.into_iter().flatten().map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    let mut known = keys("properties");
    for property in object["properties"].as_object().unwrap().values() {
        let old = property.get("x-olive-renamed-from").unwrap_or(&json!([])).clone();
        known.extend(Vec::<String>::deserialize(old).unwrap());
    }
    known.extend(keys("x-olive-ignored"));
    known.extend(keys("x-olive-unavailable"));
    for name in names.split_whitespace() {
        assert_eq!(known.iter().filter(|known| *known == name).count(), 1, "{name}");
    }
    for name in known {
        assert!(names.split_whitespace().any(|known| known == name), "{name}");
    }
}

fn schema() -> Value {
    let plugin = Plugin::new("model-builder", "0.0.0").with_pass::<ModelBuilder>();
    plugin.descriptor().passes[0].schema.clone()
}
