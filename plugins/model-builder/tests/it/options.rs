//! What `prepare` says to settings.

use olive_plugin_api::Plugin;
use olive_plugin_model_builder::ModelBuilder;
use serde_json::{Value, json};

use crate::support::{fixture, prepare, request};

#[test]
fn what_is_not_supported_is_named() {
    for precision in ["fp16", "bf16", "int8"] {
        let message = format!("precision `{precision}` is not supported yet");
        check(&json!({"precision": precision}), "/precision", &message, "`fp32` and `int4`");
    }
    for algorithm in ["k_quant", "k_quant_last", "k_quant_mixed", "k_quant_linear"] {
        let message = format!("algorithm `{algorithm}` is not supported yet");
        let help = "`default`, `rtn` and `rtn_last`";
        check(&int4("int4_algo_config", &json!(algorithm)), "/int4_algo_config", &message, help);
        let extra = json!({"algo_config": algorithm});
        check(&int4("extra_options", &extra), "/extra_options/algo_config", &message, help);
    }
    for switch in [
        "metadata_only",
        "use_qdq",
        "use_8bits_moe",
        "use_webgpu_fp32",
        "use_cuda_bf16",
        "include_hidden_states",
        "exclude_embeds",
        "exclude_lm_head",
        "enable_cuda_graph",
    ] {
        let message = format!("`{switch}` true is not supported yet");
        check(&int4(switch, &json!(true)), &format!("/{switch}"), &message, "supported: `false`");
    }
    let gather = int4("int4_op_types_to_quantize", &json!(["MatMul", "Gather"]));
    check(&gather, "/int4_op_types_to_quantize", "[\"MatMul\", \"Gather\"]", "`[\"MatMul\"]`");
    let nodes = int4("int4_nodes_to_exclude", &json!(["/lm_head/MatMul"]));
    check(&nodes, "/int4_nodes_to_exclude", "[\"/lm_head/MatMul\"]", "`[]`");
}

#[test]
fn extra_options_that_are_not_honoured_are_named() {
    let extra = |name: &str, value: Value| int4("extra_options", &json!({ name: value }));
    let qdq = "`use_qdq` true is not supported yet";
    check(&extra("use_qdq", json!(true)), "/extra_options/use_qdq", qdq, "supported: `false`");
    let shared = "`shared_embeddings` is not supported yet";
    let pointer = "/extra_options/shared_embeddings";
    check(&extra("shared_embeddings", json!(false)), pointer, shared, "`block_size`");
    let slip = "unknown option `blok_size`";
    let help = "did you mean `block_size`?";
    check(&extra("blok_size", json!(32)), "/extra_options/blok_size", slip, help);
    let file = "`filename` `../model.onnx` is no plain file name that ends in `.onnx`";
    check(&extra("filename", json!("../model.onnx")), "/extra_options/filename", file, "");
    let layers = "`num_hidden_layers` 3 is more than the model's 2 layers";
    let pointer = "/extra_options/num_hidden_layers";
    check(&extra("num_hidden_layers", json!(3)), pointer, layers, "");
    check(&extra("num_hidden_layers", json!(0)), pointer, "is 0, less than 1", "");
    let size = "block size 48 is not 16, 32, 64, 128 or 256";
    check(&extra("block_size", json!(48)), "/extra_options/block_size", size, "");
    let level = "accuracy level 5 is more than 4";
    check(&extra("accuracy_level", json!(5)), "/extra_options/accuracy_level", level, "");
}

#[test]
fn search_settings_are_checked() {
    let search = |name: &str, value: Value| int4("search", &json!({ name: value }));
    let slip = "unknown search setting `max_lenght`";
    check(
        &search("max_lenght", json!(8)),
        "/search/max_lenght",
        slip,
        "did you mean `max_length`?",
    );
    let message = "search setting `top_k` is \"50\", no number or boolean";
    check(&search("top_k", json!("50")), "/search/top_k", message, "");
}

#[test]
fn every_problem_is_told_at_once() {
    let config = json!({"precision": "int8", "use_qdq": true, "extra_options": {"hf_token": "x"}});
    assert_eq!(found(&config).len(), 3);
}

#[test]
fn what_changes_nothing_is_accepted() {
    let off = json!({"use_qdq": false, "config_only": null, "exclude_lm_head": "false"});
    let config = json!({
        "precision": "int4",
        "int4_op_types_to_quantize": ["MatMul"],
        "int4_nodes_to_exclude": [],
        "metadata_only": false,
        "search": {"max_length": 64, "do_sample": true},
        "extra_options": off,
    });
    assert_eq!(found(&config), []);
}

#[test]
fn quantization_of_an_unquantized_graph_is_a_warning() {
    let config = json!({"precision": "fp32", "extra_options": {"block_size": 32}});
    let message = "`block_size` has no effect with precision `fp32`";
    check(&config, "/extra_options/block_size", message, "set `precision` to `int4`");
}

#[test]
fn the_schema_says_what_loses_less() {
    let plugin = Plugin::new("model-builder", "0.0.0").with_pass::<ModelBuilder>();
    let schema = &plugin.descriptor().passes[0].schema;
    let help = schema["x-olive-quality-help"].as_str().unwrap();
    for option in ["`rtn_last`", "`int4_block_size` to 16", "`fp32`"] {
        assert!(help.contains(option), "{help}");
    }
    let properties = schema["properties"].as_object().unwrap();
    for (name, property) in properties {
        let is_described = property.get("description").is_some() || property.get("$ref").is_some();
        assert!(is_described, "`{name}` is not described");
    }
}

/// A config with precision `int4` and one setting.
fn int4(name: &str, value: &Value) -> Value {
    json!({ "precision": "int4", name: value })
}

fn found(config: &Value) -> Vec<olive_plugin_api::Diagnostic> {
    let output = tempfile::tempdir().unwrap();
    prepare(&request(&fixture("tiny-phi3"), config, &output)).unwrap()
}

/// Exactly one problem is found, at `pointer`, with this in its message and its help.
fn check(config: &Value, pointer: &str, message: &str, help: &str) {
    let problems = found(config);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].pointer, pointer);
    assert!(problems[0].message.contains(message), "{}", problems[0].message);
    assert!(problems[0].help.clone().unwrap_or_default().contains(help), "{problems:?}");
}
