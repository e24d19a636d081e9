//! Names of options and settings: which are honoured, which are known, which are slips.

use olive_plugin_api::{Diagnostic, Severity};
use serde_json::Value;

use crate::config::{ModelBuilderConfig, Precision};

/// Options that are honoured.
const HONOURED: [&str; 6] = [
    "block_size",
    "accuracy_level",
    "is_symmetric",
    "algo_config",
    "filename",
    "num_hidden_layers",
];

/// Switches of ONNX Runtime GenAI 0.18's builder that are off unless set: only `false` is honoured.
const OFF_ONLY: [&str; 18] = [
    "config_only",
    "disable_qkv_fusion",
    "enable_cuda_graph",
    "enable_mtp",
    "enable_webgpu_graph",
    "exclude_embeds",
    "exclude_lm_head",
    "fuse_mlp_gate_up",
    "hf_remote",
    "include_hidden_states",
    "prune_lm_head",
    "use_8bits_moe",
    "use_cuda_bf16",
    "use_device_allocator_for_initializers",
    "use_paged_attention",
    "use_qdq",
    "use_webgpu_fp32",
    "matmulnbits_weights_prepacked",
];

/// Other options of that builder that are not honoured.
const NOT_HONOURED: [&str; 29] = [
    "adapter_path",
    "enable_dml_graph",
    "fuse_qk_norm_gqa",
    "fuse_qkv",
    "gpu_utilization_factor",
    "hf_token",
    "int4_nodes_to_exclude",
    "int4_op_types_to_quantize",
    "kv_cache_quant_scheme",
    "kv_cache_quant_type",
    "kv_cache_rotation",
    "kv_cache_scale_file",
    "matmul_mixed_precision",
    "max_batch_size",
    "max_draft_tokens",
    "max_scheduled_tokens",
    "moe_quant_type",
    "mtp_quant_config",
    "nodes_to_exclude",
    "num_blocks",
    "op_types_to_quantize",
    "paged_block_size",
    "paged_chunk_size",
    "qmoe_block_size",
    "qmoe_weights_prepacked",
    "shared_embeddings",
    "state_update_capacity",
    "state_window",
    "windowed_kv_cache",
];

/// Settings of generation that ONNX Runtime GenAI reads.
const SEARCH_SETTINGS: [&str; 17] = [
    "batch_size",
    "chunk_size",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "length_penalty",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beams",
    "num_return_sequences",
    "past_present_share_buffer",
    "random_seed",
    "repetition_penalty",
    "temperature",
    "top_k",
    "top_p",
];

/// Every option that is unknown or not honoured.
pub(crate) fn check(config: &ModelBuilderConfig) -> Vec<Diagnostic> {
    let mut problems = switches(config);
    problems.extend(selections(config));
    for (name, value) in &config.extra_options.others {
        problems.extend(extra_option(name, value));
    }
    for (name, value) in &config.search {
        problems.extend(search_setting(name, value));
    }
    problems
}

/// Options of quantization that are set although nothing is quantized, as warnings.
pub(crate) fn without_effect(config: &ModelBuilderConfig) -> Vec<Diagnostic> {
    if config.precision != Precision::Fp32 {
        return Vec::new();
    }
    let extra = &config.extra_options;
    let options = [
        ("/int4_block_size", config.int4_block_size.is_some()),
        ("/int4_accuracy_level", config.int4_accuracy_level.is_some()),
        ("/int4_is_symmetric", config.int4_is_symmetric.is_some()),
        ("/int4_algo_config", config.int4_algo_config.is_some()),
        ("/extra_options/block_size", extra.block_size.is_some()),
        ("/extra_options/accuracy_level", extra.accuracy_level.is_some()),
        ("/extra_options/is_symmetric", extra.is_symmetric.is_some()),
        ("/extra_options/algo_config", extra.algo_config.is_some()),
    ];
    let set = options.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(pointer, _)| no_effect(pointer)).collect()
}

/// The diagnostic of something real that is not done here.
pub(crate) fn not_supported(pointer: &str, what: &str, supported: &str) -> Diagnostic {
    Diagnostic::error("not-supported", pointer, format!("{what} is not supported yet"))
        .with_help(format!("supported: {supported}"))
}

fn no_effect(pointer: &str) -> Diagnostic {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let message = format!("`{name}` has no effect with precision `fp32`");
    Diagnostic::new(Severity::Warning, "no-effect", pointer, message)
        .with_help("set `precision` to `int4`, or leave the option out")
}

fn switches(config: &ModelBuilderConfig) -> Vec<Diagnostic> {
    let switches = [
        ("metadata_only", config.metadata_only),
        ("use_qdq", config.use_qdq),
        ("use_8bits_moe", config.use_8bits_moe),
        ("use_webgpu_fp32", config.use_webgpu_fp32),
        ("use_cuda_bf16", config.use_cuda_bf16),
        ("include_hidden_states", config.include_hidden_states),
        ("exclude_embeds", config.exclude_embeds),
        ("exclude_lm_head", config.exclude_lm_head),
        ("enable_cuda_graph", config.enable_cuda_graph),
    ];
    let on = switches.into_iter().filter(|(_, is_on)| *is_on);
    on.map(|(name, _)| switched_on(&format!("/{name}"), name, "true")).collect()
}

/// Operators and nodes other than all `MatMul`s.
fn selections(config: &ModelBuilderConfig) -> Option<Diagnostic> {
    let operators = config.int4_op_types_to_quantize.as_deref().unwrap_or_default();
    let nodes = config.int4_nodes_to_exclude.as_deref().unwrap_or_default();
    if operators.iter().any(|operator| operator != "MatMul") {
        let what = format!("`int4_op_types_to_quantize` {operators:?}");
        return Some(not_supported("/int4_op_types_to_quantize", &what, "`[\"MatMul\"]`"));
    }
    let what = format!("`int4_nodes_to_exclude` {nodes:?}");
    (!nodes.is_empty()).then(|| not_supported("/int4_nodes_to_exclude", &what, "`[]`"))
}

fn extra_option(name: &str, value: &Value) -> Option<Diagnostic> {
    let pointer = format!("/extra_options/{}", escaped(name));
    if OFF_ONLY.contains(&name) {
        let is_off = [Value::Null, false.into(), 0.into(), "false".into(), "0".into()];
        return (!is_off.contains(value)).then(|| switched_on(&pointer, name, &value.to_string()));
    }
    if NOT_HONOURED.contains(&name) {
        let honoured = HONOURED.map(|name| format!("`{name}`")).join(", ");
        return Some(not_supported(&pointer, &format!("`{name}`"), &honoured));
    }
    let known = HONOURED.iter().chain(&OFF_ONLY).chain(&NOT_HONOURED).copied();
    Some(unknown(pointer, name, "option", known))
}

fn switched_on(pointer: &str, name: &str, value: &str) -> Diagnostic {
    not_supported(pointer, &format!("`{name}` {value}"), "`false`")
}

fn search_setting(name: &str, value: &Value) -> Option<Diagnostic> {
    let pointer = format!("/search/{}", escaped(name));
    if !SEARCH_SETTINGS.contains(&name) {
        return Some(unknown(pointer, name, "search setting", SEARCH_SETTINGS.into_iter()));
    }
    if value.is_boolean() || value.is_number() {
        return None;
    }
    let message = format!("search setting `{name}` is {value}, no number or boolean");
    Some(Diagnostic::error("wrong-type", pointer, message))
}

fn unknown<'a>(
    pointer: String,
    name: &str,
    what: &str,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let diagnostic = Diagnostic::error("unknown-key", pointer, format!("unknown {what} `{name}`"));
    let distance = |known: &&str| strsim::damerau_levenshtein(name, known);
    match known.min_by_key(distance).filter(|nearest| distance(nearest) <= nearest.len() / 2) {
        Some(nearest) => diagnostic.with_help(format!("did you mean `{nearest}`?")),
        None => diagnostic,
    }
}

/// A key as a part of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
