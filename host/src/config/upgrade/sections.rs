//! The root: engine keys written there, and sections with a `config` wrapper.

use super::super::node::{Entry, Node};
use super::{Notes, fix_case, flatten, insert};

/// Keys of the root that are sections, not engine settings.
pub(super) const SECTIONS: [&str; 8] = [
    "workflow_id",
    "input_model",
    "systems",
    "data_configs",
    "evaluators",
    "passes",
    "engine",
    "$schema",
];

/// Engine settings of any era, which may stand at the root.
pub(super) const ENGINE_KEYS: [&str; 10] = [
    "search_strategy",
    "host",
    "target",
    "evaluator",
    "evaluate_input_model",
    "output_dir",
    "cache_dir",
    "log_severity_level",
    "execution_providers",
    "output_name",
];

pub(super) fn upgrade(root: &mut Node, notes: &mut Notes) {
    root.take("$schema");
    gather_engine_keys(root);
    for system in values_mut(root, "systems") {
        flatten(system, "config", notes);
        fix_case(system, "type", &["LocalSystem", "AzureML", "Docker", "PythonEnvironment"]);
    }
}

/// Moves engine settings from the root into `engine`; other unknown keys stay and are refused.
fn gather_engine_keys(root: &mut Node) {
    let range = root.range.start..root.range.start;
    let Some(entries) = root.entries_mut() else { return };
    let (engine_keys, rest): (Vec<Entry>, Vec<Entry>) =
        std::mem::take(entries).into_iter().partition(|entry| {
            ENGINE_KEYS.contains(&entry.key.as_str()) && !SECTIONS.contains(&entry.key.as_str())
        });
    *entries = rest;
    if engine_keys.is_empty() {
        return;
    }
    if root.get("engine").is_none() {
        insert(root, Entry::new("engine", Node::object(Vec::new(), range)));
    }
    let Some(engine) = root.get_mut("engine") else { return };
    for entry in engine_keys {
        if engine.get(&entry.key).is_none() {
            insert(engine, entry);
        }
    }
}

/// The values of the map called `section`.
fn values_mut<'a>(root: &'a mut Node, section: &str) -> impl Iterator<Item = &'a mut Node> {
    let entries = root.get_mut(section).and_then(Node::entries_mut);
    entries.into_iter().flatten().map(|entry| &mut entry.node)
}
