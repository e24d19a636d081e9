//! Evaluators: lists of metrics, or registered evaluators by type.

use olive_schemas::harness::HarnessEvaluator;
use olive_schemas::metric::MetricKind;
use olive_schemas::types;
use serde_json::{Map, Value, json};

use super::section::{Kind, Section, any_case, reference};
use super::written::{describe, describe_values, written};

/// An evaluator of a plugin, which measures metrics of type `custom`.
#[derive(Debug)]
pub(super) struct Custom<'a> {
    /// Its name, and the schema of what it is told.
    pub(super) kind: Kind<'a>,
    /// Names of its figures; none when it takes any.
    pub(super) figures: Vec<&'a str>,
}

/// An evaluator.
pub(super) fn evaluator(custom: &[Custom<'_>], definitions: &mut Map<String, Value>) -> Value {
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
    let own: Vec<Value> = custom.iter().map(|one| of_custom(one, definitions)).collect();
    if let Some(metric) = definitions.get_mut("Metric").and_then(Value::as_object_mut) {
        let known = MetricKind::ALL.map(sub_metrics).into_iter().chain([named_evaluator()]);
        metric.insert("allOf".into(), known.chain(own).collect());
    }
    let metric = definitions.get_mut("Metric");
    let name = metric.and_then(|it| it.pointer_mut("/properties/user_config/properties/evaluator"));
    if let Some(name) = name {
        name_one_of(name, custom);
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
        "then": {"properties": {
            "sub_types": {"items": {"properties": {"name": {"enum": kind.sub_metrics()}}}},
            "user_config": {"properties": {"evaluator": {"not": {}}, "settings": {"not": {}}}}
        }}
    })
}

/// That a metric of type `custom` names the evaluator that measures it.
fn named_evaluator() -> Value {
    json!({
        "if": {"properties": {"type": {"const": MetricKind::Custom.name()}}, "required": ["type"]},
        "then": {
            "properties": {"user_config": {"required": ["evaluator"]}},
            "required": ["user_config"]
        }
    })
}

/// What holds of a metric that the evaluator `custom` measures.
fn of_custom(custom: &Custom<'_>, definitions: &mut Map<String, Value>) -> Value {
    let Custom { kind: Kind { name, summary, schema }, figures } = custom;
    let definition = format!("evaluator.custom.{name}");
    let mut settings = written(schema, &format!("{definition}."), definitions);
    if let Some(settings) = settings.as_object_mut() {
        describe(settings, summary);
    }
    definitions.insert(definition.clone(), settings);
    let mut then = json!({"user_config": {"properties": {"settings": reference(&definition)}}});
    if let Some(required) = schema.get("required") {
        let needs_some = required.as_array().is_some_and(|keys| !keys.is_empty());
        then["user_config"]["required"] = json!(if needs_some { vec!["settings"] } else { vec![] });
    }
    if !figures.is_empty() {
        then["sub_types"] = json!({"items": {"properties": {"name": {"enum": figures}}}});
    }
    let is_it = json!({
        "properties": {"evaluator": {"pattern": format!("^{}$", any_case(name))}},
        "required": ["evaluator"]
    });
    json!({
        "if": {
            "properties": {
                "type": {"const": MetricKind::Custom.name()},
                "user_config": is_it
            },
            "required": ["type", "user_config"]
        },
        "then": {"properties": then}
    })
}

/// The names of the evaluators that there are; other cases are right but not proposed.
fn name_one_of(name: &mut Value, custom: &[Custom<'_>]) {
    let Some(name) = name.as_object_mut() else { return };
    name.remove("type");
    if custom.is_empty() {
        name.insert("enum".into(), json!([null]));
        name.insert("errorMessage".into(), "no installed plugin has an evaluator to name".into());
        return;
    }
    let names: Vec<&str> = custom.iter().map(|one| one.kind.name).collect();
    let summaries: Vec<String> = custom.iter().map(|one| one.kind.summary.to_owned()).collect();
    let mut named = json!({"enum": names});
    if let Some(named) = named.as_object_mut() {
        describe_values(named, &summaries);
    }
    let patterns: Vec<String> = names.iter().map(|name| any_case(name)).collect();
    let any = json!({
        "type": "string", "pattern": format!("^(?:{})$", patterns.join("|")), "doNotSuggest": true
    });
    name.insert("anyOf".into(), json!([named, any, {"type": "null"}]));
}
