//! Engine settings, which may stand at the root, in `engine` or in `cache_config`.

use std::sync::OnceLock;

use olive_schemas::search::SearchStrategy;
use olive_schemas::types;
use serde_json::Value;

use super::super::{Notes, insert, marks, object_at};
use super::flatten;
use crate::config::node::{Entry, Node, NodeValue};

/// Keys of the root that are sections, not engine settings.
const SECTIONS: [&str; 13] = [
    "workflow_id",
    "input_model",
    "systems",
    "data_configs",
    "evaluators",
    "passes",
    "builds",
    "engine",
    "validators",
    "azureml_client",
    "auto_optimizer_config",
    "max_concurrent_builds",
    "$schema",
];

/// Engine settings of any era, which may stand at the root.
const ENGINE_KEYS: [&str; 20] = [
    "search_strategy",
    "host",
    "target",
    "evaluator",
    "evaluate_input_model",
    "output_dir",
    "cache_dir",
    "clean_cache",
    "clean_evaluation_cache",
    "enable_shared_cache",
    "cache_config",
    "packaging_config",
    "plot_pareto_frontier",
    "no_artifacts",
    "log_severity_level",
    "ort_log_severity_level",
    "ort_py_log_severity_level",
    "log_to_file",
    "execution_providers",
    "output_name",
];

/// Keys of the root that only configs of former eras have.
const FORMER_KEYS: [&str; 2] = ["pass_flows", "data_root"];

/// Keys that may stand at the root of a config of any era.
pub fn root_keys() -> impl Iterator<Item = &'static str> {
    SECTIONS.into_iter().chain(ENGINE_KEYS).chain(FORMER_KEYS)
}

/// Moves engine settings from the root into `engine`; other unknown keys stay and are refused.
pub(super) fn gather(root: &mut Node, notes: &mut Notes) {
    let range = root.range.start..root.range.start;
    let Some(entries) = root.entries_mut() else { return };
    let (engine_keys, rest): (Vec<Entry>, Vec<Entry>) = std::mem::take(entries)
        .into_iter()
        .partition(|entry| ENGINE_KEYS.contains(&entry.key.as_str()));
    *entries = rest;
    if engine_keys.is_empty() {
        return;
    }
    let Some(engine) = object_at(root, "engine", &range) else { return };
    for entry in engine_keys {
        if engine.get(&entry.key).is_none() {
            insert(engine, entry);
        } else {
            notes.ignored(&entry.key_range, &entry.key, "it is set in `engine` too", false);
        }
    }
}

/// Settings of a sampler may stand in `sampler_config` or beside it; `null` leaves one out.
pub(super) fn flatten_searches(root: &mut Node, notes: &mut Notes) {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    let schema = SCHEMA.get_or_init(types::schema_of::<SearchStrategy>);
    let builds = root.get_mut("builds").and_then(Node::entries_mut);
    let mut searches: Vec<&mut Node> = Vec::new();
    for build in builds.into_iter().flatten() {
        searches.extend(build.node.get_mut("search_strategy"));
    }
    for search in searches {
        flatten_search(search, schema, notes);
    }
    let engine = root.get_mut("engine").and_then(|engine| engine.get_mut("search_strategy"));
    if let Some(search) = engine {
        flatten_search(search, schema, notes);
    }
}

fn flatten_search(search: &mut Node, schema: &Value, notes: &mut Notes) {
    flatten(search, "sampler_config", notes);
    if let Some(entries) = search.entries_mut() {
        entries.retain(|entry| !matches!(entry.node.value, NodeValue::Scalar(Value::Null)));
    }
    marks::drop_ignored(search, schema, schema, notes);
}

/// `cache_config` holds settings of the cache that may also stand in the engine.
pub(super) fn spread_cache_config(root: &mut Node) {
    let Some(engine) = root.get_mut("engine") else { return };
    let is_object = engine.get("cache_config").is_some_and(|config| config.entries().is_some());
    let Some(mut config) = engine.take("cache_config").filter(|_| is_object) else { return };
    for entry in std::mem::take(config.node.entries_mut().unwrap_or(&mut Vec::new())) {
        if engine.get(&entry.key).is_none() && !entry.node.is_off() {
            insert(engine, entry);
        }
    }
}
