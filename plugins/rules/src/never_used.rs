//! Parts that are defined, and that nothing uses.

use olive_validator_api::{Applicability, Diagnostic, Document, Severity, at, escaped};
use serde_json::{Map, Value, json};

use crate::parts::{Data, evaluators, is_used};
use crate::rule::BuiltIn;

/// Parts that are defined, and that nothing uses.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "never-used",
    severity: Severity::Warning,
    summary: "a data config, an evaluator or a pass is defined, and nothing uses it",
    explanation: "\
Data configs and evaluators do nothing until a pass, a metric or the engine names them, and with `builds`, a pass does not run unless a `pipeline` lists it.
Where a part is never named, most often the line that should name it is missing: an evaluator that no one asks measures nothing.",
    check,
};

/// Build whose settings the others share.
const SHARED: &str = "_default";

fn check(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let has_goals = |evaluator: &Value| evaluator.to_string().contains("\"goal\":{");
    for (name, evaluator) in evaluators(document) {
        // Its goals are told by themselves.
        if !is_used(document, name) && !has_goals(evaluator) {
            let pointer = format!("/evaluators/{}", escaped(name));
            let message = format!("evaluator `{name}` is never used: it measures no model");
            let help = format!("set `evaluator` of the engine to `{name}`, or remove it");
            found.push(unused(&pointer, name, message, &help));
        }
    }
    for data in Data::all(document) {
        let name = data.name();
        let sections = ["passes", "evaluators"].into_iter();
        let mut sections = sections.filter_map(|key| document.workflow.get(key));
        if !name.is_empty() && !sections.any(|section| mentions(section, name)) {
            let message = format!("data config `{name}` is never used");
            let help = "name it in a pass or a metric, or remove it";
            found.push(unused(&data.pointer(), name, message, help));
        }
    }
    found.extend(passes(document));
    found
}

fn unused(pointer: &str, name: &str, message: String, help: &str) -> Diagnostic {
    let patch = json!([{"op": "remove", "path": pointer}]);
    let title = format!("remove `{name}`");
    let finding = RULE.finding(pointer, message).with_help(help);
    finding.with_fix(title, patch, Applicability::MaybeIncorrect)
}

/// Passes that no build runs.
fn passes(document: &Document) -> Vec<Diagnostic> {
    let Some(builds) = at(&document.workflow, "/builds").and_then(Value::as_object) else {
        return Vec::new();
    };
    let own = builds.iter().filter(|(name, _)| *name != SHARED);
    let pipelines: Vec<Option<&Value>> = own.map(|(_, build)| pipeline(build, builds)).collect();
    // A build without pipeline runs all passes.
    if pipelines.is_empty() || pipelines.iter().any(Option::is_none) {
        return Vec::new();
    }
    let runs = |name: &str| pipelines.iter().flatten().any(|pipeline| mentions(pipeline, name));
    let passes = document.workflow.get("passes").and_then(Value::as_object);
    let names = passes.into_iter().flatten().map(|(name, _)| name).filter(|name| !runs(name));
    names
        .map(|name| {
            let message = format!("pass `{name}` never runs: no build has it in its `pipeline`");
            let help = "add it to the `pipeline` of a build, or remove it";
            unused(&format!("/passes/{}", escaped(name)), name, message, help)
        })
        .collect()
}

/// The passes a build lists, itself or by what builds share.
fn pipeline<'a>(build: &'a Value, builds: &'a Map<String, Value>) -> Option<&'a Value> {
    let listed = |build: &'a Value| {
        build.get("pipeline").filter(|names| names.as_array().is_some_and(|list| !list.is_empty()))
    };
    listed(build).or_else(|| listed(builds.get(SHARED)?))
}

/// Whether the text `name` stands somewhere in `value`.
fn mentions(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text == name,
        Value::Array(items) => items.iter().any(|item| mentions(item, name)),
        Value::Object(map) => map.values().any(|item| mentions(item, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
