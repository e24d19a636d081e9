//! The input model, and the systems that models are made and measured on.

use olive_schemas::model::ModelKind;
use olive_schemas::types;
use serde_json::{Map, Value, json};

use super::kinds;
use super::section::{Kind, Section, reference};
use super::written::former;

/// Kinds of references to files that need no plugin.
const LOCAL: [&str; 3] = ["file", "folder", "string_name"];

/// The input model by its type; `sources` of plugins may stand in place of its paths.
pub(super) fn model(sources: &[Kind<'_>], definitions: &mut Map<String, Value>) -> Value {
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
    let references = references(sources, definitions);
    let models = definitions.iter_mut().filter(|(name, _)| name.starts_with("model."));
    models.for_each(|(_, model)| keep_local(model, &references));
    if let Some(pytorch) = definitions.get_mut("model.PyTorchModel.config") {
        allow_hf_config(pytorch);
    }
    if let Some(pytorch) = definitions.get_mut("model.PyTorchModel") {
        allow_hf_config(pytorch);
    }
    guess_type(&mut schema);
    schema
}

/// A system by its type; `installed` are those of plugins.
pub(super) fn system(installed: &[Kind<'_>], definitions: &mut Map<String, Value>) -> Value {
    let section = Section {
        word: "system",
        description: "A place where steps run: its `type`, and the settings of that type.",
        type_description: "Kind of system.",
        wrapper: "config",
        common: [("type".to_owned(), json!(true))].into_iter().collect(),
        former_names: Vec::new(),
    };
    let entries = types::systems();
    let accelerators: Vec<Value> =
        installed.iter().map(|kind| with_accelerators(kind.schema, &entries[0].schema)).collect();
    let installed = installed.iter().zip(&accelerators);
    let mut all = kinds(entries);
    all.extend(installed.map(|(kind, schema)| Kind { schema, ..*kind }));
    let schema = section.of(&all, definitions);
    for entry in &all {
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

/// The settings of a plugin's system, with what every system has.
fn with_accelerators(settings: &Value, local: &Value) -> Value {
    let mut settings = settings.clone();
    for part in ["properties", "definitions"] {
        let Some(common) = local.get(part).and_then(Value::as_object) else { continue };
        let known = settings
            .as_object_mut()
            .map(|settings| settings.entry(part).or_insert_with(|| Value::Object(Map::new())));
        if let Some(known) = known.and_then(Value::as_object_mut) {
            for (name, schema) in common {
                known.entry(name.clone()).or_insert_with(|| schema.clone());
            }
        }
    }
    settings
}

/// What may stand in place of a path: a local file at length, or a reference to one of `sources`.
fn references(sources: &[Kind<'_>], definitions: &mut Map<String, Value>) -> Value {
    if sources.is_empty() {
        return local_resource();
    }
    let section = Section {
        word: "source",
        description: "A reference to files: a local one at length, or what a source fetches.",
        type_description: "Kind of reference.",
        wrapper: "config",
        common: [("type".to_owned(), json!(true))].into_iter().collect(),
        former_names: Vec::new(),
    };
    let fetched = section.of(sources, definitions);
    definitions.insert("Source".into(), fetched);
    json!({
        "if": {"properties": {"type": {"enum": LOCAL}}},
        "then": local_resource(),
        "else": reference("Source")
    })
}

/// Of the references in `schema`, keeps those that can be resolved.
fn keep_local(schema: &mut Value, references: &Value) {
    let kinds = schema.pointer("/properties/type/examples").and_then(Value::as_array);
    let is_resource =
        kinds.is_some_and(|kinds| LOCAL.iter().all(|kind| kinds.contains(&(*kind).into())));
    match schema {
        resource if is_resource => *resource = references.clone(),
        Value::Object(map) => map.values_mut().for_each(|part| keep_local(part, references)),
        Value::Array(items) => items.iter_mut().for_each(|part| keep_local(part, references)),
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
