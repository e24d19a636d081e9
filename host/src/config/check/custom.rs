//! Metrics of type `custom`: what the evaluators of plugins that they name know of them.

use olive_schemas::pointer::escape;
use serde_json::{Value, json};

use super::shape::entries;
use super::{Problem, Problems};
use crate::config::references::marked;
use crate::config::schema::{nearest, suggest};
use crate::plugin::{Catalog, CustomEntry};

/// Checks the names of the figures of the custom `metric` at `pointer`.
pub(super) fn check(metric: &Value, pointer: &str, catalog: &Catalog, problems: &mut Problems) {
    let Some(CustomEntry { descriptor, custom, .. }) = entry(metric, catalog) else { return };
    if custom.figures.is_empty() {
        return;
    }
    let known: Vec<&str> = custom.figures.iter().map(|figure| figure.name.as_str()).collect();
    let sub_types = metric.get("sub_types").and_then(Value::as_array);
    for (index, sub_type) in sub_types.into_iter().flatten().enumerate() {
        let name = sub_type.get("name").and_then(Value::as_str);
        let Some(name) = name.filter(|name| !known.contains(name)) else { continue };
        let pointer = format!("{pointer}/sub_types/{index}/name");
        let message = format!("evaluator `{}` gives no figure `{name}`", descriptor.name);
        let help = suggest(name, known.iter().copied());
        let problem = Problem::error("unknown-value", &pointer, message, help);
        problems.push(problem.replaced_by(nearest(name, known.iter().copied())));
    }
}

/// Evaluators that custom metrics of the normalized config `value` name, with their places.
pub(super) fn named(value: &Value) -> impl Iterator<Item = (String, &str)> {
    metrics(value).filter_map(|(pointer, metric)| {
        Some((format!("{pointer}/user_config/evaluator"), evaluator(metric)?))
    })
}

/// What the evaluators of custom metrics are told, each with its place and its schema.
pub(super) fn settings<'a>(
    value: &Value,
    catalog: &'a Catalog,
) -> impl Iterator<Item = (String, Value, &'a Value)> {
    metrics(value).filter_map(move |(pointer, metric)| {
        let entry = entry(metric, catalog)?;
        let told = metric.pointer("/user_config/settings").cloned().unwrap_or_else(|| json!({}));
        Some((format!("{pointer}/user_config/settings"), told, &entry.custom.schema))
    })
}

/// Pointers to those of these settings whose schema has the mark `mark` with the value `kind`.
pub(super) fn marked_settings(
    value: &Value,
    catalog: &Catalog,
    mark: &str,
    kind: &str,
) -> Vec<String> {
    let found = settings(value, catalog).flat_map(|(pointer, told, schema)| {
        let places = marked(&told, schema, mark, kind);
        places.into_iter().map(move |place| format!("{pointer}{place}"))
    });
    found.collect()
}

/// Custom metrics with their places.
fn metrics(value: &Value) -> impl Iterator<Item = (String, &Value)> {
    entries(value, "evaluators").flat_map(|(name, evaluator)| {
        let metrics = evaluator.get("metrics").and_then(Value::as_array);
        let metrics = metrics.into_iter().flatten().enumerate().map(move |(index, metric)| {
            (format!("/evaluators/{}/metrics/{index}", escape(name)), metric)
        });
        metrics.filter(|(_, metric)| metric.get("type").is_some_and(|kind| kind == "custom"))
    })
}

fn evaluator(metric: &Value) -> Option<&str> {
    metric.pointer("/user_config/evaluator")?.as_str()
}

fn entry<'a>(metric: &Value, catalog: &'a Catalog) -> Option<CustomEntry<'a>> {
    catalog.custom_evaluator(evaluator(metric)?)
}
