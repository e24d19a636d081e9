//! Whether names lead somewhere, and lead to one thing only.

use olive_schemas::metric::{Metric, MetricKind, MetricProblem};
use olive_schemas::packaging::Package;
use olive_schemas::pointer::escape;
use serde_json::Value;

use super::shape::{entries, own_settings, packages, passes};
use super::{Problem, Problems, custom};
use crate::config::references::{REFERENCE, marked};
use crate::config::schema::{nearest, quoted, suggest, workflow_schema};
use crate::plugin::Catalog;
use olive_schemas::types;

/// Figures that Hugging Face's `evaluate` and other evaluators of Olive have, and none here.
const OF_OTHERS: [&str; 8] =
    ["accuracy", "f1", "wer", "rtfx", "relaxed_accuracy", "word_sort_ratio", "bleu", "rouge"];

/// End of the keys of a pass that hold the name of a data config.
const DATA_KEY: &str = "data_config";

/// Checks the names in the normalized config `value`.
pub(super) fn check(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    let references = |kind| {
        let pointers = marked(value, workflow_schema(), REFERENCE, kind);
        uses(value, pointers)
    };
    for (what, section, code, help) in [
        (
            "system",
            "systems",
            "unknown-system",
            "define it under `systems`, or leave `host` and `target` out to run here",
        ),
        ("evaluator", "evaluators", "unknown-evaluator", "define it under `evaluators`"),
        ("pass", "passes", "unknown-pass", "define it under `passes`"),
    ] {
        if !problems.has_misplaced(section) {
            let known = keys(value, section);
            undefined(what, code, references(what), &known, help, problems);
        }
    }
    check_data_configs(value, catalog, problems);
    check_packages(value, problems);
    for (name, evaluator) in entries(value, "evaluators") {
        let metrics = evaluator.get("metrics").and_then(Value::as_array);
        for (index, metric) in metrics.into_iter().flatten().enumerate() {
            let pointer = format!("/evaluators/{}/metrics/{index}", escape(name));
            check_metric(metric, &pointer, catalog, problems);
        }
    }
    check_metrics(value, problems);
    check_is_something_to_do(value, catalog, problems);
}

fn check_data_configs(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    let configs = value.get("data_configs").and_then(Value::as_array);
    let names: Vec<Option<&str>> = configs
        .into_iter()
        .flatten()
        .map(|config| config.get("name").and_then(Value::as_str))
        .collect();
    for (index, name) in names.iter().enumerate() {
        let Some(name) = name else { continue };
        let Some(first) = names[..index].iter().position(|known| *known == Some(*name)) else {
            continue;
        };
        let message = format!("data config `{name}` is defined twice");
        let pointer = format!("/data_configs/{index}/name");
        let mut problem = Problem::error("duplicate-name", &pointer, message, None);
        problem.diagnostic = problem
            .diagnostic
            .with_help("give one of them another name")
            .with_related(format!("/data_configs/{first}/name"), "first defined here");
        problems.push(problem);
    }
    if problems.has_misplaced("data_configs") {
        return;
    }
    let names: Vec<&str> = names.into_iter().flatten().collect();
    let help = "define it under `data_configs`";
    let used = data_uses(value, catalog);
    undefined("data config", "unknown-data-config", used, &names, help, problems);
}

/// Two packages of one type and name would take each other's place.
fn check_packages(value: &Value, problems: &mut Problems) {
    let label = |package: &Value| {
        let of = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
        Some((of("type")?, of("name").unwrap_or_else(|| Package::USUAL_NAME.to_owned())))
    };
    let mut known: Vec<((String, String), String)> = Vec::new();
    for (pointer, package) in packages(value) {
        let Some(label) = label(package) else { continue };
        let Some((_, first)) = known.iter().find(|(other, _)| *other == label) else {
            known.push((label, pointer));
            continue;
        };
        let message = format!("package `{}` of type `{}` is asked for twice", label.1, label.0);
        let mut problem = Problem::error("duplicate-name", &pointer, message, None);
        problem.diagnostic = problem
            .diagnostic
            .with_help("give one of them another `name`")
            .with_related(first.clone(), "first asked for here");
        problems.push(problem);
    }
}

/// Where data configs are named: marked settings of installed passes and of metrics, and the
/// settings of other passes that are called so.
fn data_uses<'a>(value: &'a Value, catalog: &Catalog) -> Vec<(String, &'a str)> {
    let mut pointers = Vec::new();
    for (pointer, pass) in passes(value) {
        let kind = pass.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some(known) = catalog.pass(kind) {
            let own = own_settings(pass, &["type"]);
            let found = marked(&own, &known.descriptor.schema, REFERENCE, "data_config");
            pointers.extend(found.iter().map(|found| format!("{pointer}{found}")));
        } else {
            let keys = pass.as_object().into_iter().flatten().map(|(key, _)| key);
            let named = keys.filter(|key| key.ends_with(DATA_KEY));
            pointers.extend(named.map(|key| format!("{pointer}/{}", escape(key))));
        }
    }
    for (name, evaluator) in entries(value, "evaluators") {
        let found = marked(evaluator, types::evaluator(), REFERENCE, "data_config");
        let pointer = format!("/evaluators/{}", escape(name));
        pointers.extend(found.iter().map(|found| format!("{pointer}{found}")));
    }
    pointers.extend(custom::marked_settings(value, catalog, REFERENCE, "data_config"));
    uses(value, pointers)
}

fn uses(value: &Value, pointers: Vec<String>) -> Vec<(String, &str)> {
    let named = pointers.into_iter().filter_map(|pointer| {
        let name = value.pointer(&pointer)?.as_str()?;
        Some((pointer, name))
    });
    named.filter(|(_, name)| !name.is_empty()).collect()
}

/// One problem per undefined name, however often it is used.
fn undefined(
    what: &str,
    code: &str,
    uses: Vec<(String, &str)>,
    known: &[&str],
    help: &str,
    problems: &mut Problems,
) {
    let mut told: Vec<Problem> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for (pointer, name) in uses {
        if known.contains(&name) {
            continue;
        }
        if let Some(index) = names.iter().position(|known| *known == name) {
            let problem = &mut told[index];
            problem.diagnostic = problem.diagnostic.clone().with_related(pointer, "named here too");
            continue;
        }
        let message = format!("{what} `{name}` is not defined");
        let help = suggest(name, known.iter().copied()).unwrap_or_else(|| help.to_owned());
        let problem = Problem::error(code, &pointer, message, Some(help));
        told.push(problem.replaced_by(nearest(name, known.iter().copied())));
        names.push(name);
    }
    problems.extend(told);
}

fn check_metric(metric: &Value, pointer: &str, catalog: &Catalog, problems: &mut Problems) {
    let Some(kind) = metric.get("type") else { return };
    let Ok(kind) = serde_json::from_value::<MetricKind>(kind.clone()) else { return };
    if kind == MetricKind::Custom {
        custom::check(metric, pointer, catalog, problems);
    } else {
        check_figures(metric, kind, pointer, problems);
    }
    let name = metric.get("name").and_then(Value::as_str).unwrap_or_default();
    if kind == MetricKind::Accuracy && metric.get("data_config").is_none() {
        let message = format!("metric `{name}` measures accuracy but names no data");
        let help = "add `data_config` with the name of a data config".to_owned();
        problems.push(Problem::error("missing-key", pointer, message, Some(help)));
    }
    let Ok(metric) = serde_json::from_value::<Metric>(metric.clone()) else { return };
    for MetricProblem { pointer: place, code, message, help } in metric.problems() {
        problems.push(Problem::error(code, &format!("{pointer}{place}"), message, Some(help)));
    }
}

fn check_figures(metric: &Value, kind: MetricKind, pointer: &str, problems: &mut Problems) {
    let known = kind.sub_metrics();
    let sub_types = metric.get("sub_types").and_then(Value::as_array);
    for (index, sub_type) in sub_types.into_iter().flatten().enumerate() {
        let name = sub_type.get("name").and_then(Value::as_str);
        let Some(name) = name.filter(|name| !known.contains(name)) else { continue };
        let pointer = format!("{pointer}/sub_types/{index}/name");
        let is_slip = !OF_OTHERS.contains(&name);
        let near = nearest(name, known.iter().copied()).filter(|_| is_slip);
        let (code, message) = match near {
            Some(_) => {
                let message =
                    format!("`{name}` is not a sub-type of metric type `{}`", kind.name());
                ("unknown-value", message)
            }
            None => {
                let message = format!(
                    "no installed evaluator measures `{name}` of metric type `{}`",
                    kind.name()
                );
                ("not-available", message)
            }
        };
        let help = suggest(name, known.iter().copied());
        problems.push(Problem::error(code, &pointer, message, help).replaced_by(near));
    }
}

/// An evaluator without metrics measures nothing.
fn check_metrics(value: &Value, problems: &mut Problems) {
    for (name, evaluator) in entries(value, "evaluators") {
        let metrics = evaluator.get("metrics");
        let is_empty = metrics.is_none_or(|metrics| metrics.as_array().is_some_and(Vec::is_empty));
        if evaluator.get("type").is_none() && is_empty {
            let message = format!("evaluator `{name}` has no metrics and measures nothing");
            let pointer = format!("/evaluators/{}", escape(name));
            problems.push(Problem::warning("no-effect", &pointer, message, "add `metrics`"));
        }
    }
}

fn check_is_something_to_do(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    let is_empty = |section: &str| {
        let section = value.get(section);
        section.is_none_or(|section| section.as_object().is_some_and(serde_json::Map::is_empty))
    };
    let has_evaluator = value.pointer("/engine/evaluator").is_some_and(|name| !name.is_null());
    let is_told = problems.has_misplaced("passes") || problems.has_misplaced("evaluator");
    if is_empty("passes") && !has_evaluator && !is_told {
        let message = "the workflow has neither passes nor an evaluator: there is nothing to do";
        let names: Vec<&str> = catalog.passes().map(|p| p.descriptor.name.as_str()).collect();
        let help = catalog
            .absence_help()
            .unwrap_or_else(|| format!("add `passes`; installed: {}", quoted(&names)));
        problems.push(Problem::error("nothing-to-do", "", message.into(), Some(help)));
    }
}

fn keys<'a>(value: &'a Value, section: &str) -> Vec<&'a str> {
    let map = value.get(section).and_then(Value::as_object);
    map.into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}
