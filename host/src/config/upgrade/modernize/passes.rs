//! Passes: former names of types and settings, and keys that are gone.

use crate::config::node::{Node, NodeValue};
use crate::config::upgrade::{Notes, items_or_self, marks, settings};
use crate::plugin::Catalog;

/// Keys of a pass that are gone, and why they are not missed.
const GONE: [(&str, &str); 3] = [
    ("disable_search", "passes run once unless there is a search"),
    ("clean_run_cache", "results are found by content, never stale"),
    ("output_name", "results are named by their folder"),
];

pub(super) fn modernize(passes: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    for entry in passes.entries_mut().into_iter().flatten() {
        for pass in items_or_self(&mut entry.node) {
            modernize_pass(pass, catalog, notes);
        }
    }
}

fn modernize_pass(pass: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    for (key, why) in GONE {
        if let Some(entry) = pass.take(key) {
            notes.dropped(&entry, why);
        }
    }
    let Some(written) = pass.get("type").and_then(Node::as_str) else { return };
    let current = olive_schemas::known_packs::current_pass_name(written);
    let name = current.unwrap_or(written).to_owned();
    if current.is_some()
        && let Some(kind) = pass.get_mut("type")
    {
        notes.respelled(&kind.range, kind.as_str().unwrap_or_default(), &name);
        kind.value = NodeValue::Scalar(name.clone().into());
    }
    let Some(known) = catalog.pass(&name) else { return };
    let schema = &known.descriptor.schema;
    marks::rename_keys(settings(pass, "config"), schema, schema, notes);
}
