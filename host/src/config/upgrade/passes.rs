//! Passes: `config` wrapper, alternatives, and the old spellings their own schemas list.

use serde_json::Value;

use super::super::node::{Node, NodeValue};
use super::super::references::{IGNORED, RENAMED_FROM, parts};
use super::{Notes, flatten, rename};
use crate::plugin::Catalog;

pub(super) fn upgrade(passes: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    for entry in passes.entries_mut().into_iter().flatten() {
        unwrap_alternatives(&entry.key, &mut entry.node, notes);
        upgrade_pass(&mut entry.node, catalog, notes);
    }
}

/// A list of passes holds alternatives for search; a list of one is that one.
fn unwrap_alternatives(name: &str, pass: &mut Node, notes: &mut Notes) {
    let range = pass.range.clone();
    let NodeValue::Array(items) = &mut pass.value else { return };
    if items.len() > 1 {
        let message = format!("pass `{name}` lists {} alternatives", items.len());
        notes.refused(
            &range,
            "search-unavailable",
            message,
            "keep one: search is not available yet",
        );
    }
    if !items.is_empty() {
        *pass = items.swap_remove(0);
    }
}

fn upgrade_pass(pass: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    flatten(pass, "config", notes);
    if let Some(entry) = pass.take("disable_search") {
        notes.ignored(&entry.range(), "disable_search", "passes run once unless there is a search");
    }
    if let Some(entry) = pass.take("clean_run_cache") {
        notes.ignored(
            &entry.range(),
            "clean_run_cache",
            "results are found by content, never stale",
        );
    }
    let Some(kind) = pass.get_mut("type") else { return };
    let Some(known) = kind.as_str().and_then(|written| catalog.pass(written)) else { return };
    *kind = Node::scalar(known.descriptor.name.as_str(), kind.range.clone());
    upgrade_keys(pass, &known.descriptor.schema, &known.descriptor.schema, notes);
}

/// Renames and drops keys as `schema` says, here and in nested objects.
fn upgrade_keys(node: &mut Node, schema: &Value, document: &Value, notes: &mut Notes) {
    for part in parts(schema, document) {
        for (old, why) in part.get(IGNORED).and_then(Value::as_object).into_iter().flatten() {
            if let Some(entry) = node.take(old) {
                notes.ignored(&entry.range(), old, why.as_str().unwrap_or("it is not used"));
            }
        }
        let properties = part.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            let old_names = property.get(RENAMED_FROM).and_then(Value::as_array);
            for old in old_names.into_iter().flatten().filter_map(Value::as_str) {
                rename(node, old, key, notes);
            }
            if let Some(inner) = node.get_mut(key)
                && inner.entries().is_some()
            {
                upgrade_keys(inner, property, document, notes);
            }
        }
    }
}
