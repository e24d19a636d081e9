//! A search that cannot tell which model is better.

use olive_validator_api::{Diagnostic, Document, Severity, at};
use serde_json::Value;

use crate::parts::{Metric, evaluators, is_used, measured};
use crate::rule::BuiltIn;

/// A search that cannot tell which model is better.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "search-without-evaluator",
    severity: Severity::Error,
    summary: "a search has nothing to compare models by",
    explanation: "\
A search tries several models and keeps the best by the figures of an evaluator that have a `priority`: 1 is compared first.
Without an evaluator, or when no figure has a priority, every model is as good as any other.
A single figure needs no priority.",
    check,
};

fn check(document: &Document) -> Vec<Diagnostic> {
    let strategy = at(&document.workflow, "/engine/search_strategy");
    if !strategy.is_some_and(|strategy| strategy.is_object() || *strategy == Value::Bool(true)) {
        return Vec::new();
    }
    let finding = |message: &str, help: &str| {
        vec![RULE.finding("/engine/search_strategy", message).with_help(help)]
    };
    let used: Vec<&Value> = evaluators(document)
        .filter(|(name, _)| is_used(document, name))
        .map(|(_, evaluator)| evaluator)
        .collect();
    if used.is_empty() {
        let message = "the search has no evaluator, so that nothing tells which model is better";
        return finding(message, "name an evaluator in `evaluator`, beside `search_strategy`");
    }
    // A registered evaluator decides about its figures itself.
    if used.iter().any(|evaluator| evaluator.get("type").is_some()) {
        return Vec::new();
    }
    let metrics = measured(document);
    let figures: Vec<&Value> = metrics.iter().flat_map(Metric::sub_types).collect();
    let has_priority = |figure: &&Value| {
        figure.get("priority").and_then(Value::as_i64).is_some_and(|priority| priority > 0)
    };
    if figures.len() <= 1 || figures.iter().any(has_priority) {
        return Vec::new();
    }
    let message = format!(
        "the search has {} figures to compare models by, and none has a `priority`",
        figures.len()
    );
    finding(&message, "give the figure that counts most `priority` 1")
}
