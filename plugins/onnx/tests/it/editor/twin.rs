//! Edits from outside and surgeries that do the same write the same bytes.

use std::fs;
use std::path::Path;

use olive_kit_onnx::proto::ValueInfoProto;
use olive_kit_onnx::{Model, is_external};
use serde_json::{Value, json};

use super::shows::fixtures;
use super::{edit, input};
use crate::{request, run};

#[test]
fn renaming_ends_is_what_the_surgeries_do() {
    for path in fixtures() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let model = Model::open(&path).unwrap();
        let graph = &model.graph;
        let inputs: Vec<&str> = graph.input.iter().map(ValueInfoProto::name).collect();
        let outputs: Vec<&str> = graph.output.iter().map(ValueInfoProto::name).collect();
        // A value that is both would be renamed twice.
        if inputs.iter().any(|input| outputs.contains(input)) {
            continue;
        }
        let renamed = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| format!("{name}.renamed")).collect()
        };
        let ends = [inputs, outputs].concat();
        let edits: Vec<Value> = ends
            .iter()
            .map(|end| json!({"edit": "rename_value", "from": end, "to": format!("{end}.renamed")}))
            .collect();
        let (_step, edited) = edit(input(path.parent().unwrap(), name), &json!(edits)).unwrap();
        let surgery = |surgeon: &str, names: &[&str]| json!({"surgeon": surgeon, "old_names": names, "new_names": renamed(names)});
        let (first, last) = ends.split_at(graph.input.len());
        let mut config = places(&model);
        config["remove_duplicate_initializers"] = json!(false);
        config["surgeries"] =
            json!([surgery("RenameInputs", first), surgery("RenameOutputs", last)]);
        let output = tempfile::tempdir().unwrap();
        run(&request("GraphSurgeries", &path, &config, output.path())).unwrap();
        check_same(output.path(), &edited.model_path, name);
    }
}

/// Settings that leave the weights of `model` where they are.
fn places(model: &Model) -> Value {
    let weights = model.graph.initializer.iter().filter(|weight| is_external(weight));
    let sizes = weights.map(|weight| model.data().check(weight).unwrap());
    match sizes.min() {
        Some(size) => json!({"save_as_external_data": true, "size_threshold": size}),
        None => json!({}),
    }
}

/// Holds the graph `name` in `one` folder and its data against those in `other`.
fn check_same(one: &Path, other: &Path, name: &str) {
    let data = format!("{name}.data");
    for file in [name, &data] {
        let [one, other] = [one, other].map(|folder| fs::read(folder.join(file)).ok());
        assert!(one == other, "{file} differs");
    }
}
