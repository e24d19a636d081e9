//! Options of Olive's pass and of ONNX Runtime GenAI's builder that are none here, with the
//! reason. A config that has them is understood; only slips are unknown.

use olive_plugin_api::Unavailable;
use serde_json::{Map, Value, json};

const EXPERTS: &str = "only models with experts have it";
const PAGED: &str = "only `use_paged_attention` reads it";
const LOCAL: &str = "models are local folders";
const FLOAT_CACHE: &str = "the KV cache is not quantized";
const ONE_TOKEN: &str = "one token is predicted at a time, without a drafter";
const DRAFTER: &str = "only a drafter reads it";
const PACKED: &str = "weights are packed for every processor";

/// Options of the pass without effect on the graphs that are built.
const SETTINGS: [(&str, &str); 1] = [("use_8bits_moe", EXPERTS)];

/// Options of the builder without effect on the graphs that are built.
const EXTRA: [(&str, &str); 27] = [
    ("use_8bits_moe", EXPERTS),
    ("moe_quant_type", EXPERTS),
    ("qmoe_block_size", EXPERTS),
    ("qmoe_weights_prepacked", EXPERTS),
    ("hf_remote", "code of models is never run"),
    ("hf_token", LOCAL),
    ("cache_dir", LOCAL),
    ("gpu_utilization_factor", PAGED),
    ("max_batch_size", PAGED),
    ("max_scheduled_tokens", PAGED),
    ("num_blocks", PAGED),
    ("paged_block_size", PAGED),
    ("paged_chunk_size", PAGED),
    ("max_draft_tokens", DRAFTER),
    ("mtp_quant_config", DRAFTER),
    ("exclude_mtp", "drafters in a checkpoint are never built"),
    ("dflash2_num_draft_tokens", DRAFTER),
    ("dflash2_fuse_gate_up", DRAFTER),
    ("dflash2_fuse_qkv", DRAFTER),
    ("dflash2_precision", DRAFTER),
    ("dspark_num_draft_tokens", DRAFTER),
    ("dspark_top_k", DRAFTER),
    ("linear_attn_op", "the models that are built have no linear attention"),
    ("state_update_capacity", "the models that are built have no recurrent state"),
    ("state_window", "the models that are built have no recurrent state"),
    ("kv_cache_scale_file", FLOAT_CACHE),
    ("kv_cache_rotation", FLOAT_CACHE),
];

/// Settings of generation that ONNX Runtime GenAI reads, with their types.
const SEARCH: [(&str, &str, &str); 17] = [
    ("batch_size", "integer", "Texts generated at once"),
    ("chunk_size", "integer", "Tokens of the prompt computed at once"),
    ("diversity_penalty", "number", "Taken off tokens that other groups of beams have chosen"),
    ("do_sample", "boolean", "Draw tokens by their probability instead of taking the likeliest"),
    ("early_stopping", "boolean", "Stop as soon as enough beams have ended"),
    ("length_penalty", "number", "Exponent of the length that the score of a beam is divided by"),
    ("max_length", "integer", "Longest text in tokens, with the prompt"),
    ("min_length", "integer", "Shortest text in tokens, with the prompt"),
    ("no_repeat_ngram_size", "integer", "Length of runs of tokens that never occur twice"),
    ("num_beams", "integer", "Texts that are followed at once; 1 is greedy"),
    ("num_return_sequences", "integer", "Texts given for a prompt"),
    ("past_present_share_buffer", "boolean", "Write the KV cache in place"),
    ("random_seed", "integer", "Seed of drawing tokens; -1 takes a new one each time"),
    ("repetition_penalty", "number", "What scores of tokens that have occurred are divided by"),
    ("temperature", "number", "What scores are divided by before tokens are drawn"),
    ("top_k", "integer", "Draw from this many likeliest tokens"),
    ("top_p", "number", "Draw from the likeliest tokens that have this probability together"),
];

/// Options of the pass without effect.
pub(crate) fn left_out_of_settings() -> Map<String, Value> {
    left_out(&SETTINGS)
}

/// Options of the builder without effect.
pub(crate) fn left_out_of_extra() -> Map<String, Value> {
    let mut all = left_out(&EXTRA);
    let prompts = "templates of prompts come from the tokenizer";
    all.insert("include_prompt_templates".to_owned(), harmless(prompts));
    all
}

/// Options of the builder that would change the result and are not done.
pub(crate) fn unavailable_in_extra() -> Map<String, Value> {
    let none = || vec![Value::Null, json!("none"), json!("")];
    let options = [
        ("use_paged_attention", "the KV cache is not paged", off()),
        ("kv_cache_quant_type", FLOAT_CACHE, none()),
        ("kv_cache_quant_scheme", FLOAT_CACHE, none()),
        ("enable_mtp", ONE_TOKEN, off()),
        ("aux_hidden_state_layers", ONE_TOKEN, none()),
        ("dflash2_path", ONE_TOKEN, none()),
        ("dspark_path", ONE_TOKEN, none()),
        ("matmulnbits_weights_prepacked", PACKED, off()),
        ("enable_cuda_fpa_intb_gemm", PACKED, off()),
    ];
    unavailable(options)
}

/// Schema properties of the settings of generation.
pub(crate) fn search_settings() -> Map<String, Value> {
    let properties = SEARCH.map(|(name, kind, description)| {
        (name.to_owned(), json!({"type": kind, "description": format!("{description}.")}))
    });
    properties.into_iter().collect()
}

/// Values that leave a switch off.
fn off() -> Vec<Value> {
    vec![Value::Null, json!(false), json!(0), json!("false"), json!("0")]
}

fn unavailable<const N: usize>(options: [(&str, &str, Vec<Value>); N]) -> Map<String, Value> {
    let marks = options.map(|(name, reason, unless)| {
        (name.to_owned(), json!(Unavailable { reason: reason.to_owned(), unless }))
    });
    marks.into_iter().collect()
}

fn left_out(options: &[(&str, &str)]) -> Map<String, Value> {
    options.iter().map(|(name, reason)| ((*name).to_owned(), harmless(reason))).collect()
}

fn harmless(reason: &str) -> Value {
    json!({"reason": reason, "harmless": true})
}
