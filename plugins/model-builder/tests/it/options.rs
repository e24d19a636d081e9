//! What `prepare` says to settings.

use olive_kit_testing::fixture;
use olive_plugin_api::Plugin;
use olive_plugin_model_builder::ModelBuilder;
use serde_json::{Value, json};

use crate::support::{prepare, request};

#[test]
fn what_cannot_be_built_is_named() {
    let gemm = int4("int4_op_types_to_quantize", &json!(["Gemm"]));
    check(&gemm, "/int4_op_types_to_quantize", "nothing is quantized", "add `MatMul`");
    let extra = |name: &str, value: Value| int4("extra_options", &json!({ name: value }));
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
fn what_is_no_setting_is_refused() {
    let extra = |name: &str, value: Value| int4("extra_options", &json!({ name: value }));
    for config in [
        json!({"precision": "int2"}),
        int4("int4_algo_config", &json!("k_quant_most")),
        int4("int4_op_types_to_quantize", &json!(["Conv"])),
        extra("op_types_to_quantize", json!("MatMul,Gather")),
        extra("matmul_mixed_precision", json!("last_matmul:int2")),
        extra("matmul_mixed_precision", json!({"first_matmul": "int8"})),
        extra("use_qdq", json!("yes")),
        extra("use_paged_attention", json!(true)),
        extra("dspark_path", json!("drafter")),
        extra("blok_size", json!(32)),
    ] {
        let output = tempfile::tempdir().unwrap();
        let request = request(&fixture("tiny-phi3"), &config, &output);
        assert_eq!(prepare(&request).unwrap_err().code, "config", "{config}");
    }
}

#[test]
fn what_changes_nothing_is_accepted() {
    for config in [
        json!({
            "precision": "int4",
            "int4_op_types_to_quantize": ["MatMul", "Gemm"],
            "search": {"max_length": 64, "do_sample": true},
            "extra_options": {"int4_block_size": 16, "filename": "model.onnx"},
        }),
        json!({"precision": "int4", "search": null, "extra_options": null}),
        json!({"precision": "int4", "int4_op_types_to_quantize": [], "int4_block_size": null}),
    ] {
        assert_eq!(found(&config), []);
    }
}

#[test]
fn the_schema_says_what_loses_less() {
    let plugin = Plugin::new("model-builder", "0.0.0").with_pass::<ModelBuilder>();
    let schema = &plugin.descriptor().passes[0].schema;
    let help = schema["x-olive-quality-help"].as_str().unwrap();
    for option in ["`k_quant_mixed`", "`rtn_last`", "`int4_block_size` to 16", "`fp32`"] {
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
