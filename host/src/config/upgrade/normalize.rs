//! The several forms that are right today, brought into one.
//!
//! Olive reads a section nested (`{"type": T, "config": {…}}`) or flat (`{"type": T, …}`), engine
//! settings at the root or in `engine`, systems and evaluators by name or inline, types in any
//! case. Afterwards sections are flat, engine settings in `engine`, and everything has its name.

mod engine;
mod harness;
mod packages;

pub use engine::root_keys;

use olive_schemas::known_packs::{PartKind, canonical};
use olive_schemas::model::ModelKind;
use olive_schemas::types;
use serde_json::Value;

use super::{Notes, insert, items_or_self, marks, object_at, values_mut};
use crate::config::Finding;
use crate::config::node::{Entry, Node, NodeValue};
use crate::config::schema::workflow_schema;
use crate::plugin::Catalog;

/// Components of a data config.
const COMPONENTS: [&str; 4] = [
    "load_dataset_config",
    "pre_process_data_config",
    "post_process_data_config",
    "dataloader_config",
];

/// A value of a pass setting that stands for its default.
const DEFAULT_VALUE: &str = "DEFAULT_VALUE";

/// Brings the current forms of `root` into one; gives what is read differently from how it is
/// written.
pub fn normalize(root: &mut Node, catalog: &Catalog) -> Vec<Finding> {
    let mut notes = Notes::default();
    root.take("$schema");
    drop_nulls(root);
    engine::gather(root, &mut notes);
    engine::spread_cache_config(root);
    engine::flatten_searches(root, &mut notes);
    hoist_inline(root, "systems", &["host", "target"]);
    hoist_inline(root, "evaluators", &["evaluator"]);
    if let Some(model) = root.get_mut("input_model") {
        normalize_model(model, catalog, &mut notes);
    }
    for system in values_mut(root, "systems") {
        normalize_system(system, catalog, &mut notes);
    }
    for evaluator in values_mut(root, "evaluators") {
        flatten(evaluator, "type_args", &mut notes);
        fix_type(evaluator, PartKind::Evaluator, std::iter::empty());
    }
    harness::spell_out(root);
    let has_metrics = |evaluator: &&mut Node| evaluator.get("type").is_none();
    for evaluator in values_mut(root, "evaluators").filter(has_metrics) {
        marks::drop_ignored(evaluator, types::evaluator(), types::evaluator(), &mut notes);
    }
    normalize_data(root, catalog, &mut notes);
    if let Some(passes) = root.get_mut("passes") {
        normalize_passes(passes, catalog, &mut notes);
    }
    packages::normalize(root, catalog, &mut notes);
    marks::drop_ignored(root, workflow_schema(), workflow_schema(), &mut notes);
    notes.findings
}

/// `null` for a section is the section left out.
fn drop_nulls(root: &mut Node) {
    let Some(entries) = root.entries_mut() else { return };
    entries.retain(|entry| !matches!(entry.node.value, NodeValue::Scalar(Value::Null)));
}

/// Gives objects that stand where the name of one may stand a name of their own.
fn hoist_inline(root: &mut Node, section: &str, keys: &[&str]) {
    let mut hoisted = Vec::new();
    for key in keys {
        if let Some(value) = root.get_mut("engine").and_then(|engine| engine.get_mut(key)) {
            hoist(value, &format!("engine.{key}"), &mut hoisted);
        }
    }
    for owner in ["passes", "builds"] {
        for entry in root.get_mut(owner).and_then(Node::entries_mut).into_iter().flatten() {
            let name = entry.key.clone();
            for item in items_or_self(&mut entry.node) {
                for key in keys {
                    if let Some(value) = item.get_mut(key) {
                        hoist(value, &format!("{owner}.{name}.{key}"), &mut hoisted);
                    }
                }
            }
        }
    }
    let Some(range) = hoisted.first().map(Entry::range) else { return };
    if let Some(section) = object_at(root, section, &range) {
        for entry in hoisted {
            insert(section, entry);
        }
    }
}

fn hoist(value: &mut Node, name: &str, hoisted: &mut Vec<Entry>) {
    if value.entries().is_some() {
        let range = value.range.clone();
        let object = std::mem::replace(value, Node::scalar(name, range));
        hoisted.push(Entry::new(name, object));
    }
}

fn normalize_system(system: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    flatten(system, "config", notes);
    let known = types::systems();
    fix_type(system, PartKind::System, known.iter().map(|entry| entry.name));
    let kind = system.get("type").and_then(Node::as_str).unwrap_or_default();
    let built_in = known.iter().find(|entry| entry.name == kind).map(|entry| &entry.schema);
    let installed = || catalog.system(kind).map(|(_, known)| &known.schema);
    if let Some(schema) = built_in.or_else(installed) {
        marks::rename_keys(system, schema, schema, notes);
        marks::drop_ignored(system, schema, schema, notes);
    }
}

fn normalize_model(model: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    flatten(model, "config", notes);
    guess_type(model, notes);
    let known = types::models();
    fix_type(model, PartKind::Model, known.iter().map(|entry| entry.name));
    for key in ["model_path", "adapter_path", "model_script", "script_dir"] {
        if let Some(path) = model.get_mut(key) {
            normalize_reference(path, catalog, notes);
        }
    }
    let kind = model.get("type").and_then(Node::as_str);
    if let Some(entry) = known.iter().find(|entry| Some(entry.name) == kind) {
        marks::drop_ignored(model, &entry.schema, &entry.schema, notes);
    }
}

/// A model that does not say its type is what its path looks like.
fn guess_type(model: &mut Node, notes: &mut Notes) {
    let Some(path) = model.get("model_path") else { return };
    if model.get("type").is_some() {
        return;
    }
    let kind = kind_of(path.as_str().unwrap_or_default());
    let range = path.range.clone();
    notes.guessed(&range, "type", kind.name());
    insert(model, Entry::new("type", Node::scalar(kind.name(), range)));
}

/// The type of the model at `path`, by its suffix.
pub fn kind_of(path: &str) -> ModelKind {
    match path.rsplit('.').next() {
        Some("onnx") => ModelKind::Onnx,
        Some("gguf") => ModelKind::Gguf,
        _ => ModelKind::Hf,
    }
}

/// A reference to local files is their path; one that a source reads is flat.
fn normalize_reference(path: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    let kind = path.get("type").and_then(Node::as_str).unwrap_or_default();
    let key = match kind {
        "file" | "folder" => "path",
        "string_name" => "name",
        kind => {
            if catalog.source(kind).is_some() {
                flatten(path, "config", notes);
            }
            return;
        }
    };
    flatten(path, "config", notes);
    if let Some(inner) = path.get(key).filter(|inner| inner.as_str().is_some()) {
        *path = inner.clone();
    }
}

fn normalize_data(root: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    let Some(configs) = root.get_mut("data_configs") else { return };
    let NodeValue::Array(items) = &mut configs.value else { return };
    let known = types::data_containers();
    for config in items {
        let names = known.iter().map(|entry| entry.name);
        fix_case(config, "type", names);
        for name in COMPONENTS {
            let Some(component) = config.get_mut(name) else { continue };
            flatten(component, "params", notes);
            if let Some(files) = component.get_mut("data_files") {
                for file in items_or_self(files) {
                    normalize_reference(file, catalog, notes);
                }
            }
            let is_empty = component.entries().is_some_and(<[_]>::is_empty) || component.is_off();
            if is_empty {
                config.take(name);
            }
        }
        if crate::config::check::data::is_plain(config) {
            let schema = &known[0].schema;
            marks::drop_ignored(config, schema, schema, notes);
        }
    }
}

fn normalize_passes(passes: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    for entry in passes.entries_mut().into_iter().flatten() {
        if let NodeValue::Array(items) = &mut entry.node.value
            && items.len() == 1
        {
            entry.node = items.swap_remove(0);
        }
        for pass in items_or_self(&mut entry.node) {
            flatten(pass, "config", notes);
            if let Some(entries) = pass.entries_mut() {
                entries.retain(|entry| entry.node.as_str() != Some(DEFAULT_VALUE));
            }
            let known = catalog.passes().map(|known| known.descriptor.name.as_str());
            fix_type(pass, PartKind::Pass, known);
            let kind = pass.get("type").and_then(Node::as_str).unwrap_or_default();
            if let Some(known) = catalog.pass(kind) {
                let schema = &known.descriptor.schema;
                marks::drop_ignored(pass, schema, schema, notes);
            }
        }
    }
}

/// Moves the entries of the object `wrapper` inside `node` up into `node`; the inner value wins.
fn flatten(node: &mut Node, wrapper: &str, notes: &mut Notes) {
    let Some(inner) = node.get(wrapper) else { return };
    if matches!(inner.value, NodeValue::Scalar(Value::Null)) {
        node.take(wrapper);
        return;
    }
    if inner.entries().is_none() {
        return;
    }
    let Some(mut taken) = node.take(wrapper) else { return };
    let inner = std::mem::take(taken.node.entries_mut().unwrap_or(&mut Vec::new()));
    for entry in inner {
        if let Some(outer) = node.take(&entry.key) {
            let why = format!("`{wrapper}.{}` is set too and wins", entry.key);
            notes.ignored(&outer.key_range, &outer.key, &why, false);
        }
        insert(node, entry);
    }
}

/// Spells the `type` of `node` as one of `names`, or as the part of a known pack is spelled.
fn fix_type<'a>(node: &mut Node, kind: PartKind, names: impl Iterator<Item = &'a str>) {
    fix_case(node, "type", names);
    if let Some(value) = node.get_mut("type")
        && let Some(name) = value.as_str().and_then(|written| canonical(kind, written))
    {
        *value = Node::scalar(name, value.range.clone());
    }
}

/// Spells the string at `key` as one of `names` when it differs only in case.
fn fix_case<'a>(node: &mut Node, key: &str, mut names: impl Iterator<Item = &'a str>) {
    let Some(value) = node.get_mut(key) else { return };
    let Some(written) = value.as_str() else { return };
    if let Some(name) = names.find(|name| name.eq_ignore_ascii_case(written)) {
        *value = Node::scalar(name, value.range.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::normalize;
    use crate::config::Node;
    use crate::plugin::Catalog;

    #[track_caller]
    fn check(before: &Value, after: &Value) {
        let mut tree = Node::from_value(before, &(0..1));
        normalize(&mut tree, &Catalog::default());
        assert_eq!(tree.to_value(), *after);
    }

    #[test]
    fn sections_are_flat_and_their_types_spelled_right() {
        check(
            &json!({"input_model": {"type": "hfmodel", "config": {"model_path": "m"}}}),
            &json!({"input_model": {"type": "HfModel", "model_path": "m"}}),
        );
        check(
            &json!({"input_model": {"model_path": "m.onnx"}}),
            &json!({"input_model": {"model_path": "m.onnx", "type": "ONNXModel"}}),
        );
        check(
            &json!({"input_model": {"type": "HfModel", "model_path": {
                "type": "folder", "config": {"path": "m"}
            }}}),
            &json!({"input_model": {"type": "HfModel", "model_path": "m"}}),
        );
        check(
            &json!({"passes": {"p": [{"type": "T", "config": {"a": 1, "b": "DEFAULT_VALUE"}}]}}),
            &json!({"passes": {"p": {"type": "T", "a": 1}}}),
        );
    }

    #[test]
    fn engine_settings_stand_in_the_engine() {
        check(
            &json!({"$schema": "x", "host": "a", "engine": {"target": "b"}, "evaluators": null}),
            &json!({"engine": {"target": "b", "host": "a"}}),
        );
        check(
            &json!({"engine": {"cache_config": {"cache_dir": "c", "clean_cache": false}}}),
            &json!({"engine": {"cache_dir": "c"}}),
        );
    }

    #[test]
    fn what_is_written_inline_gets_a_name() {
        check(
            &json!({
                "engine": {"target": {"type": "localsystem"}},
                "passes": {"p": {"type": "T", "evaluator": {"metrics": []}}}
            }),
            &json!({
                "engine": {"target": "engine.target"},
                "passes": {"p": {"type": "T", "evaluator": "passes.p.evaluator"}},
                "systems": {"engine.target": {"type": "LocalSystem"}},
                "evaluators": {"passes.p.evaluator": {"metrics": []}}
            }),
        );
    }

    #[test]
    fn data_sections_are_flat_and_empty_ones_left_out() {
        check(
            &json!({"data_configs": [{
                "name": "d",
                "type": "huggingfacecontainer",
                "load_dataset_config": {"params": {"data_name": "json", "data_files": "f"}},
                "post_process_data_config": {}
            }]}),
            &json!({"data_configs": [{
                "name": "d",
                "type": "HuggingfaceContainer",
                "load_dataset_config": {"data_name": "json", "data_files": "f"}
            }]}),
        );
    }
}
