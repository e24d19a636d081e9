//! Goals that are never compared with anything.

use olive_validator_api::{Applicability, Diagnostic, Document, Severity, at};
use serde_json::Value;

use crate::parts::{Metric, evaluators, is_used, metrics};
use crate::rule::{BuiltIn, set};

/// Goals that are never compared with anything.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "goal-unmeasured",
    severity: Severity::Warning,
    summary: "a goal is never checked: nothing measures the figure, or what it is compared with",
    explanation: "\
A goal is a limit for a figure of an evaluator, so some model must be measured by that evaluator.
Goals other than `threshold` compare with the input model, which must be measured too: `evaluate_input_model` is not to be false.
Olive takes every model where it misses the figure.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let measures_input =
        at(&document.workflow, "/engine/evaluate_input_model") != Some(&Value::Bool(false));
    for (name, evaluator) in evaluators(document) {
        let is_used = is_used(document, name);
        for metric in metrics(name, evaluator) {
            for (index, goal) in goals(&metric) {
                let pointer = format!("{}/sub_types/{index}/goal", metric.pointer);
                if !is_used {
                    found.push(unused(document, name, &pointer));
                } else if !measures_input && compares(goal) {
                    found.push(without_baseline(metric.name(), goal, &pointer));
                }
            }
        }
    }
    found
}

/// The goals of a metric, each with the number of its figure.
fn goals<'a>(metric: &Metric<'a>) -> impl Iterator<Item = (usize, &'a Value)> {
    let figures = metric.sub_types().iter().enumerate();
    figures
        .filter_map(|(index, figure)| Some((index, figure.get("goal")?)))
        .filter(|(_, goal)| !goal.is_null())
}

/// Whether the goal compares with the input model.
fn compares(goal: &Value) -> bool {
    kind(goal) != "threshold"
}

fn kind(goal: &Value) -> &str {
    goal.get("type").and_then(Value::as_str).unwrap_or("threshold")
}

fn unused(document: &Document, evaluator: &str, pointer: &str) -> Diagnostic {
    let message =
        format!("the goal is never checked: no model is measured by evaluator `{evaluator}`");
    let finding = RULE
        .finding(pointer, message)
        .with_help(format!("set `evaluator` of the engine to `{evaluator}`"));
    let has_other = at(&document.workflow, "/engine/evaluator").is_some();
    if has_other || document.workflow.get("engine").is_none() {
        return finding;
    }
    let title = format!("measure with `{evaluator}`");
    finding.with_fix(title, set("/engine/evaluator", evaluator), Applicability::MaybeIncorrect)
}

fn without_baseline(metric: &str, goal: &Value, pointer: &str) -> Diagnostic {
    let message = format!(
        "goal `{}` of metric `{metric}` compares with the input model, which is not measured",
        kind(goal)
    );
    let patch = set("/engine/evaluate_input_model", true);
    RULE.finding(pointer, message)
        .with_help("set `evaluate_input_model` to true, or use a goal of type `threshold`")
        .with_related("/engine/evaluate_input_model", "switched off here")
        .with_fix("measure the input model too", patch, Applicability::MaybeIncorrect)
}
