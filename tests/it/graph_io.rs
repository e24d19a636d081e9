//! The pass that renames inputs and outputs in the sandbox, against the one that does it natively.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::playground::{Playground, built_if_any};

const COMPONENT: &str = "olive_plugin_graph_io.wasm";

#[test]
fn renaming_in_the_sandbox_and_natively_write_the_same_bytes() {
    let Some(component) = built_if_any(COMPONENT) else {
        println!("skipped: the component of `EditGraphIO` is not built: cargo xtask wasm");
        return;
    };
    let playground = Playground::bare();
    playground.install("olive_plugin_onnx", "olive_plugin_onnx");
    fs::copy(component, playground.path("bin/plugins").join(COMPONENT)).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/builder");
    for name in ["tiny-llama-int4", "tiny-phi3-fp32"] {
        let model = fixtures.join(name);
        let said = playground.olive(&["onnx", "inspect", "--json", model.to_str().unwrap()]);
        let line: Value = serde_json::from_str(&said.out).unwrap();
        let graph = &line["view"]["graph"];
        let (inputs, outputs) = (names(&graph["inputs"]), names(&graph["outputs"]));
        let renames = |names: &[String]| -> BTreeMap<String, String> {
            names.iter().map(|name| (name.clone(), format!("{name}.renamed"))).collect()
        };
        let sandboxed = json!({
            "type": "EditGraphIO",
            "rename_inputs": renames(&inputs),
            "rename_outputs": renames(&outputs),
        });
        let surgery = |surgeon: &str, names: &[String]| {
            let new: Vec<String> = renames(names).into_values().collect();
            let old: Vec<String> = renames(names).into_keys().collect();
            json!({"surgeon": surgeon, "old_names": old, "new_names": new})
        };
        let weights = graph["weights"].as_array().unwrap();
        let beside = weights.iter().filter(|weight| weight["file"].is_string());
        let native = json!({
            "type": "GraphSurgeries",
            "surgeries": [surgery("RenameInputs", &inputs), surgery("RenameOutputs", &outputs)],
            "remove_duplicate_initializers": false,
            "save_as_external_data": true,
            "size_threshold": beside.map(|weight| weight["bytes"].as_u64().unwrap()).min(),
        });
        let made = [sandboxed, native].map(|pass| files(&playground, &model, &pass));
        assert!(made[0].contains_key("model.onnx") && made[0].contains_key("model.onnx.data"));
        let differ = made[0].iter().filter(|(name, bytes)| made[1].get(*name) != Some(bytes));
        let differ: Vec<&String> = differ.map(|(name, _)| name).collect();
        assert!(differ.is_empty() && made[0].len() == made[1].len(), "{name}: {differ:?}");
    }
}

fn names(values: &Value) -> Vec<String> {
    let values = values.as_array().unwrap().iter();
    values.map(|value| value["name"].as_str().unwrap().to_owned()).collect()
}

/// Files of the model that `pass` makes of `model`, by their names, which are the same.
fn files(playground: &Playground, model: &Path, pass: &Value) -> BTreeMap<String, Vec<u8>> {
    let _ = fs::remove_dir_all(playground.path("out"));
    playground.workflow(json!({
        "input_model": {"type": "ONNXModel", "model_path": model, "onnx_file_name": "model.onnx"},
        "passes": {"rename": pass}
    }));
    playground.run().check(0, &[]);
    let names = fs::read_dir(model).unwrap().map(|entry| entry.unwrap().file_name());
    let bytes = |name: &str| fs::read(playground.path("out").join(name)).unwrap();
    names.map(|name| name.into_string().unwrap()).map(|name| (name.clone(), bytes(&name))).collect()
}
