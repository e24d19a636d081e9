//! No setting of a pass is accepted and ignored.

use olive_plugin_api::testing::{Companion, changes, digests, ignored, settings_of};
use serde_json::{Value, json};

use crate::{alone, plugin, prepare, request, run};

#[test]
fn every_setting_counts() {
    let external = |pointer: &str, value: Value| {
        let others = json!({"save_as_external_data": true, "size_threshold": 50});
        Companion { pointer: pointer.to_owned(), others, value: Some(value) }
    };
    let shared = [
        external("/all_tensors_to_one_file", json!(false)),
        external("/external_data_name", json!("w")),
        external("/size_threshold", json!(100_000)),
        external("/convert_attribute", json!(true)),
        Companion::value("/split_assignments", json!("m1=0;q=1")),
        Companion::value("/nodes_to_exclude", json!(["/q/MatMulNBits", "/m1/MatMul"])),
        Companion::with("/add_zero_point", json!({"use_signed_int": true})),
        Companion::value("/node_block_list", json!(["/m1/MatMul"])),
        Companion::value("/op_types_to_exclude", json!(["MatMul"])),
        Companion::value("/extra_options/MinimumRealRange", json!(100)),
        Companion::value("/customized_weight_config", json!({"/m1/MatMul": {"bits": 8}})),
    ];
    let base = |pass: &str| match pass {
        "GraphSurgeries" => json!({"surgeries": [{"surgeon": "RemoveShapes"}]}),
        // Otherwise reshapes are joined and constants in nodes lifted before.
        "OnnxPeepholeOptimizer" => json!({"onnxscript_optimize": false}),
        "OnnxDynamicQuantization" => json!({"quant_preprocess": false}),
        "SplitModel" => json!({"split_assignments": {"m": 0, "h": 1}}),
        "DynamicToFixedShape" => json!({"dim_param": ["batch"], "dim_value": [4]}),
        "AddOliveMetadata" => json!({"graph_name": "name"}),
        "OnnxIODataTypeConverter" => json!({"name_pattern": "y", "source_dtype": 1}),
        _ => json!({}),
    };
    for pass in &plugin().descriptor().passes {
        let mut settings = settings_of(&pass.schema);
        settings.retain(|setting| !setting.is_left_out);
        let changes = changes(&base(&pass.name), &settings, &shared);
        let ignored = ignored(&changes, |config| seen(&pass.name, config));
        assert!(ignored.is_empty(), "{}: accepted and ignored: {ignored:#?}", pass.name);
    }
}

/// What the pass finds and writes with `config`.
fn seen(pass: &str, config: &Value) -> String {
    let (folder, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut request = request(pass, &alone("everything", folder.path()), config, output.path());
    request.input.model_attributes.insert("hf_task".to_owned(), json!("text"));
    let (found, made) = (prepare(&request), run(&request));
    let is_unread = made.as_ref().is_err_and(|error| error.code == "config");
    assert!(!is_unread, "the schema takes it, the pass does not: {made:?}");
    let made = made.map(|_| digests(output.path()).unwrap()).map_err(|error| error.message);
    format!("{found:?} {made:?}").replace(&*folder.path().to_string_lossy(), "")
}
