//! Changes that a schema's marks ask for: former names, and keys without effect.

use serde_json::Value;

use super::{Notes, rename};
use crate::config::advice::is_harmless;
use crate::config::node::{Node, NodeValue};
use crate::config::references::{IGNORED, RENAMED_FROM, UNAVAILABLE, parts};

/// Renames keys as `schema` says, here and below.
pub(super) fn rename_keys(node: &mut Node, schema: &Value, document: &Value, notes: &mut Notes) {
    let mut visit = |node: &mut Node, part: &Value| {
        let properties = part.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            let old_names = property.get(RENAMED_FROM).and_then(Value::as_array);
            for old in old_names.into_iter().flatten().filter_map(Value::as_str) {
                rename(node, old, key, notes);
            }
        }
    };
    walk(node, schema, document, &mut visit);
}

/// Takes keys out that `schema` says have no effect, or ask for nothing that is not available,
/// here and below.
pub(super) fn drop_ignored(node: &mut Node, schema: &Value, document: &Value, notes: &mut Notes) {
    let mut visit = |node: &mut Node, part: &Value| {
        for (old, why) in part.get(IGNORED).and_then(Value::as_object).into_iter().flatten() {
            if let Some(entry) = node.take(old) {
                // Nothing was asked for, so nothing is missed.
                if !entry.node.is_nothing() {
                    let reason = why.get("reason").unwrap_or(why);
                    let reason = reason.as_str().unwrap_or("it is not used");
                    notes.ignored(&entry.key_range, old, reason, why.get("harmless").is_some());
                }
            }
        }
        for (key, mark) in part.get(UNAVAILABLE).and_then(Value::as_object).into_iter().flatten() {
            if node.get(key).is_some_and(|value| is_harmless(&value.to_value(), mark)) {
                node.take(key);
            }
        }
    };
    walk(node, schema, document, &mut visit);
}

/// Calls `visit` with every object below `node` and each part of the schema that is about it.
fn walk(
    node: &mut Node,
    schema: &Value,
    document: &Value,
    visit: &mut dyn FnMut(&mut Node, &Value),
) {
    let parts = parts(schema, document);
    if node.entries().is_some() {
        for part in &parts {
            visit(node, part);
        }
    }
    match &mut node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Array(items) => {
            let Some(schema) = parts.iter().find_map(|part| part.get("items")) else { return };
            for item in items {
                walk(item, schema, document, visit);
            }
        }
        NodeValue::Object(entries) => {
            for entry in entries {
                let mut properties = parts.iter().filter_map(|part| part.get("properties"));
                let property = properties.find_map(|known| known.get(&entry.key));
                let others = || parts.iter().find_map(|part| part.get("additionalProperties"));
                let schema = property.or_else(others);
                if let Some(schema) = schema {
                    walk(&mut entry.node, schema, document, visit);
                }
            }
        }
    }
}
