//! The input model, and the systems that models are made and measured on.

use olive_schemas::model::ModelKind;
use olive_schemas::types;
use serde_json::{Map, Value, json};

use super::kinds;
use super::section::{Section, reference};
use super::written::former;

/// Kinds of references to files that need no plugin.
const LOCAL: [&str; 3] = ["file", "folder", "string_name"];

/// The input model by its type.
pub(super) fn model(definitions: &mut Map<String, Value>) -> Value {
    let section = Section {
        word: "model",
        description: "The model to start from: its `type`, and the settings of that type.",
        type_description: "What the files are.",
        wrapper: "config",
        common: [("type".to_owned(), json!(true))].into_iter().collect(),
        former_names: Vec::new(),
    };
    let entries = types::models();
    let mut schema = section.of(&kinds(entries), definitions);
    let models = definitions.iter_mut().filter(|(name, _)| name.starts_with("model."));
    models.for_each(|(_, model)| keep_local(model));
    if let Some(pytorch) = definitions.get_mut("model.PyTorchModel.config") {
        allow_hf_config(pytorch);
    }
    if let Some(pytorch) = definitions.get_mut("model.PyTorchModel") {
        allow_hf_config(pytorch);
    }
    guess_type(&mut schema);
    schema
}

/// A system by its type.
pub(super) fn system(definitions: &mut Map<String, Value>) -> Value {
    let section = Section {
        word: "system",
        description: "A place where steps run: its `type`, and the settings of that type.",
        type_description: "Kind of system.",
        wrapper: "config",
        common: [("type".to_owned(), json!(true))].into_iter().collect(),
        former_names: Vec::new(),
    };
    let entries = types::systems();
    let schema = section.of(&kinds(entries), definitions);
    for entry in entries {
        let pointer = format!("system.{}.config", entry.name);
        let items = definitions
            .get_mut(&pointer)
            .and_then(|system| system.pointer_mut("/properties/accelerators/items"));
        if let Some(items) = items {
            *items = accelerator_or_device(items);
        }
    }
    schema
}

/// Of the references in `schema`, keeps those that need no plugin.
fn keep_local(schema: &mut Value) {
    let kinds = schema.pointer("/properties/type/enum").and_then(Value::as_array);
    let is_resource =
        kinds.is_some_and(|kinds| LOCAL.iter().all(|kind| kinds.contains(&(*kind).into())));
    match schema {
        resource if is_resource => *resource = local_resource(),
        Value::Object(map) => map.values_mut().for_each(keep_local),
        Value::Array(items) => items.iter_mut().for_each(keep_local),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A reference to local files, as Olive writes paths at length.
fn local_resource() -> Value {
    json!({
        "type": "object",
        "description": "A reference to a local file or folder; a plain path says the same.",
        "properties": {
            "type": {"enum": LOCAL, "description": "Kind of reference."},
            "config": {"type": "object", "properties": {
                "path": {"type": "string", "description": "Path of the file or folder."},
                "name": {"type": "string", "description": "Name as the loader understands it."}
            }}
        },
        "required": ["type"]
    })
}

/// Up to v0.6 a Hugging Face model was a `PyTorchModel` with `hf_config`.
fn allow_hf_config(pytorch: &mut Value) {
    if let Some(properties) = pytorch.get_mut("properties") {
        properties["hf_config"] = former(
            json!({"type": "object"}),
            &format!("a `{}` with `model_path`, `task` and `load_kwargs`", ModelKind::Hf),
        );
    }
}

/// A model that does not say its type is what its path looks like.
fn guess_type(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    schema.remove("required");
    let suffix = |suffix: &str| {
        json!({
            "properties": {"model_path": {"pattern": format!("\\.{suffix}$")}},
            "required": ["model_path"],
            "not": {"required": ["type"]}
        })
    };
    let (onnx, gguf) = (suffix("onnx"), suffix("gguf"));
    let other = json!({"not": {"anyOf": [{"required": ["type"]}, onnx.clone(), gguf.clone()]}});
    let guesses = [(onnx, ModelKind::Onnx), (gguf, ModelKind::Gguf), (other, ModelKind::Hf)];
    if let Some(branches) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        branches.extend(guesses.map(|(condition, kind)| {
            json!({"if": condition, "then": reference(&format!("model.{kind}"))})
        }));
    }
}

/// Up to v0.5.0 an accelerator was a string: its device.
fn accelerator_or_device(accelerator: &Value) -> Value {
    let devices = ["cpu", "gpu", "npu"];
    json!({
        "if": {"type": "string"},
        "then": former(json!({"enum": devices}), "`{\"device\": …}`"),
        "else": accelerator
    })
}
