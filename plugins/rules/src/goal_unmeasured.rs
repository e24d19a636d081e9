//! Goals of an evaluator that measures no model.

use olive_validator_api::{Applicability, Diagnostic, Document, Severity, at};
use serde_json::Value;

use crate::parts::{evaluators, is_used, metrics};
use crate::rule::{BuiltIn, set};

/// Goals of an evaluator that measures no model.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "goal-unmeasured",
    severity: Severity::Warning,
    summary: "a goal is never checked: its evaluator measures no model",
    explanation: "\
A goal is a limit for a figure of an evaluator, and says nothing until some model is measured by it.
The engine measures every model with the evaluator that it names, and a pass may name another for the model it makes.
Olive takes every model where it misses the figure.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    let unused = evaluators(document).filter(|(name, _)| !is_used(document, name));
    unused.flat_map(|(name, evaluator)| goals(document, name, evaluator)).collect()
}

/// A finding for each goal of `evaluator`, the one called `name`.
fn goals(document: &Document, name: &str, evaluator: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for metric in metrics(name, evaluator) {
        for (index, figure) in metric.sub_types().iter().enumerate() {
            if figure.get("goal").is_some_and(|goal| !goal.is_null()) {
                let pointer = format!("{}/sub_types/{index}/goal", metric.pointer);
                found.push(unmeasured(document, name, metric.name(), &pointer));
            }
        }
    }
    found
}

fn unmeasured(document: &Document, evaluator: &str, metric: &str, pointer: &str) -> Diagnostic {
    let message = format!(
        "the goal of metric `{metric}` is never checked: evaluator `{evaluator}` measures no model"
    );
    let help = format!("set `evaluator` of the engine to `{evaluator}`");
    let finding = RULE.finding(pointer, message).with_help(help);
    let has_other = at(&document.workflow, "/engine/evaluator").is_some();
    if has_other || at(&document.workflow, "/engine").is_none() {
        return finding;
    }
    let title = format!("measure with `{evaluator}`");
    finding.with_fix(title, set("/engine/evaluator", evaluator), Applicability::MaybeIncorrect)
}
