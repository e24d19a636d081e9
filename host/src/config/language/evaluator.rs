//! Evaluators: lists of metrics, or registered evaluators by type.

use olive_schemas::harness::HarnessEvaluator;
use olive_schemas::metric::MetricKind;
use olive_schemas::types;
use serde_json::{Map, Value, json};

use super::section::{Kind, Section, reference};
use super::written::written;

/// An evaluator.
pub(super) fn evaluator(definitions: &mut Map<String, Value>) -> Value {
    let registered = Section {
        word: "evaluator",
        description: "A registered evaluator.",
        type_description: "Registered evaluator; metrics are measured when this is left out.",
        wrapper: "type_args",
        common: Map::new(),
        former_names: Vec::new(),
    };
    let harness = types::schema_of::<HarnessEvaluator>();
    let kind = Kind {
        name: "LMEvaluator",
        summary: "Multiple choice by likelihood on local files, as lm-evaluation-harness scores it.",
        schema: &harness,
    };
    let registered = registered.of(&[kind], definitions);
    let metrics = written(types::evaluator(), "", definitions);
    if let Some(metric) = definitions.get_mut("Metric").and_then(Value::as_object_mut) {
        metric.insert("allOf".into(), MetricKind::ALL.map(sub_metrics).into());
    }
    definitions.insert("evaluator.metrics".into(), metrics);
    definitions.insert("evaluator.registered".into(), registered);
    json!({
        "type": "object",
        "description": "What to measure about a model.",
        "if": {"required": ["type"]},
        "then": reference("evaluator.registered"),
        "else": reference("evaluator.metrics")
    })
}

/// The figures that a metric of `kind` has.
fn sub_metrics(kind: MetricKind) -> Value {
    json!({
        "if": {"properties": {"type": {"const": kind.name()}}, "required": ["type"]},
        "then": {"properties": {"sub_types": {"items": {"properties": {
            "name": {"enum": kind.sub_metrics()}
        }}}}}
    })
}
