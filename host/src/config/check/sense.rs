//! What is allowed but will surprise.

mod azureml;
mod model;
mod data;
mod goals;

use serde_json::Value;

use super::shape::{below, own_settings, passes};
use super::{Problem, Problems};
use crate::config::advice::advice;
use crate::config::defaults::fill;
use crate::plugin::Catalog;

/// Warns of what will surprise in the normalized config `value`.
pub(super) fn check(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    azureml::check(value, catalog, problems);
    model::check(value, problems);
    data::check(value, problems);
    goals::check(value, problems);
    folders(value, problems);
    for (pointer, pass) in passes(value) {
        let kind = pass.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some(known) = catalog.pass(kind) else { continue };
        let schema = &known.descriptor.schema;
        let written = own_settings(pass, &["type", "host", "evaluator"]);
        let mut settings = written.clone();
        fill(&mut settings, schema);
        let told = advice(&settings, &written, schema).into_iter().map(Problem::new);
        problems.extend(below(&pointer, told).collect::<Vec<_>>());
    }
}

/// The result in the cache would be taken for what steps made.
fn folders(value: &Value, problems: &mut Problems) {
    let folder = |key: &str| value.pointer(&format!("/engine/{key}")).and_then(Value::as_str);
    if let (Some(output), Some(cache)) = (folder("output_dir"), folder("cache_dir"))
        && output.trim_end_matches('/') == cache.trim_end_matches('/')
    {
        let message = format!("`output_dir` and `cache_dir` are the same folder `{output}`");
        let help = Some("give the result a folder of its own".to_owned());
        problems.push(Problem::error("same-folder", "/engine/output_dir", message, help));
    }
}
