//! What a step answers with and leaves in its output folder.

use std::path::Path;

use olive_schemas::metric::{EvaluatorConfig, MetricKind, MetricValue};
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::preview::Previewed;
use olive_schemas::step::{Fetched, StepKind, StepOutcome};
use serde::Deserialize;
use serde_json::Value;

use super::report::{Finding, counted, failed, skipped, unless_any};
use super::trial::Trial;
use crate::packaging::only;

/// Whether the answer is of the kind that was asked for, and says nothing that is lost.
pub(super) fn answer(trial: &Trial, produces: Option<ModelKind>) -> Finding {
    let Ok(answer) = &trial.result else { return skipped("there is no answer") };
    let outcome = match StepOutcome::deserialize(answer) {
        Ok(outcome) => outcome,
        Err(error) => return failed(format!("it is no step outcome: {error}")),
    };
    let again = serde_json::to_value(&outcome).unwrap_or_default();
    if let Some(lost) = lost(answer, &again, "") {
        return failed(format!("`{lost}` of it is unknown and would be lost"));
    }
    match (trial.request.kind, outcome) {
        (StepKind::Pass, StepOutcome::Model(model)) => match produces {
            Some(kind) if kind != model.kind => {
                failed(format!("it made {}, but says that it makes {kind}", model.kind))
            }
            _ => Ok(format!("{}", model.kind)),
        },
        (StepKind::Evaluate, StepOutcome::Metrics(values)) => {
            metrics(&values, &trial.request.config)
        }
        (StepKind::Generate, StepOutcome::Text(_)) => Ok("text".into()),
        (StepKind::Source | StepKind::Package, StepOutcome::Path(_))
        | (StepKind::Source, StepOutcome::Fetched(_)) => Ok("a path".into()),
        (StepKind::Preview, StepOutcome::Preview(Previewed::Data(_))) => Ok("a preview".into()),
        (StepKind::Preview, StepOutcome::Preview(Previewed::Refused(_))) => {
            Ok("what is wrong with the data".into())
        }
        (StepKind::GraphView, StepOutcome::Graph(_)) => Ok("a graph".into()),
        (kind, _) => failed(format!("it is not what a step of kind {kind:?} answers")),
    }
}

/// Whether every figure that was asked for is there, in order, and a number.
fn metrics(values: &[MetricValue], config: &Value) -> Finding {
    let config = EvaluatorConfig::deserialize(config).unwrap_or_default();
    let asked = config.metrics.iter().flat_map(|metric| {
        let sub_types = metric.sub_types.iter();
        sub_types.map(|sub_type| format!("{}-{}", metric.name, sub_type.name))
    });
    let asked: Vec<String> = asked.collect();
    let given: Vec<String> = values.iter().map(MetricValue::key).collect();
    if asked != given {
        let (asked, given) = (asked.join("`, `"), given.join("`, `"));
        return failed(format!("`{asked}` were asked for, `{given}` given"));
    }
    match values.iter().find(|value| !value.value.is_finite()) {
        Some(value) => failed(format!("`{}` is {}", value.key(), value.value)),
        None => Ok(counted(values.len(), "figure")),
    }
}

/// The first place of `answer` that `again` lacks; nothing at all is no loss.
fn lost(answer: &Value, again: &Value, place: &str) -> Option<String> {
    match (answer, again) {
        (Value::Object(answer), Value::Object(again)) => answer.iter().find_map(|(key, value)| {
            let place = format!("{place}/{key}");
            match again.get(key) {
                Some(known) => lost(value, known, &place),
                None if is_nothing(value) => None,
                None => Some(place),
            }
        }),
        (Value::Array(answer), Value::Array(again)) => {
            let pairs = answer.iter().zip(again).enumerate();
            pairs
                .into_iter()
                .find_map(|(index, (value, known))| lost(value, known, &format!("{place}/{index}")))
        }
        _ => None,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether the paths of the answer exist, in the output or, for a model, the input folder.
pub(super) fn paths(trial: &Trial) -> Finding {
    let answer =
        trial.result.as_ref().ok().and_then(|answer| StepOutcome::deserialize(answer).ok());
    let Some(outcome) = answer else { return skipped("there is no answer") };
    let output = trial.request.output_dir.as_path();
    match outcome {
        StepOutcome::Model(model) => {
            let mut problems = Vec::new();
            let input = &trial.request.input;
            let inside = [Some(output), Some(&input.model_path), input.adapter_path.as_deref()];
            let inside: Vec<&Path> = inside.into_iter().flatten().collect();
            for path in std::iter::once(&model.model_path).chain(&model.adapter_path) {
                problems.extend(path_problem(path, &inside));
            }
            problems.extend(graph_problem(&model));
            unless_any(problems, "inside the output or the input")
        }
        StepOutcome::Path(path) if trial.request.kind == StepKind::Package => {
            match (path_problem(&path, &[output]), only(output, &path)) {
                (Some(problem), _) => failed(problem),
                (None, None) => failed(format!(
                    "`{}` is not all that lies right in the output folder",
                    path.display()
                )),
                (None, Some(_)) => Ok("all that the output holds".into()),
            }
        }
        StepOutcome::Path(path) | StepOutcome::Fetched(Fetched { path, .. }) => {
            // A link in the output leads into the folder that a source shares.
            let shared = trial.request.shared_dir.as_deref();
            let inside: Vec<&Path> = std::iter::once(output).chain(shared).collect();
            unless_any(path_problem(&path, &inside).into_iter().collect(), "inside the output")
        }
        StepOutcome::Metrics(_)
        | StepOutcome::Text(_)
        | StepOutcome::Reply(_)
        | StepOutcome::Preview(_)
        | StepOutcome::Graph(_) => skipped("the answer has no paths"),
    }
}

fn path_problem(path: &Path, inside: &[&Path]) -> Option<String> {
    let told = path.display();
    if !path.is_absolute() {
        return Some(format!("`{told}` is not absolute"));
    }
    let Ok(real) = path.canonicalize() else { return Some(format!("`{told}` does not exist")) };
    let is_inside = inside
        .iter()
        .any(|folder| folder.canonicalize().is_ok_and(|folder| real.starts_with(folder)));
    (!is_inside).then(|| format!("`{told}` lies outside the step's folders"))
}

fn graph_problem(model: &Model) -> Option<String> {
    let name = model.onnx_file_name.as_ref()?;
    let is_there = model.model_path.join(name).is_file();
    (!is_there).then(|| format!("the graph `{name}` is not in the model's folder"))
}

/// Whether two runs gave the same answer and the same files; times that were measured may differ.
pub(super) fn same(first: &Trial, second: &Trial) -> Finding {
    if let Err(ending) = &second.result {
        return failed(format!("the second run failed: {}", ending.tell()));
    }
    let (ours, theirs) = (timeless(first), timeless(second));
    if ours != theirs {
        let told =
            |answer: &Option<Value>| answer.as_ref().map(Value::to_string).unwrap_or_default();
        return failed(format!("the answers differ: {} and {}", told(&ours), told(&theirs)));
    }
    let mut problems = Vec::new();
    for (name, digest) in &first.files {
        match second.files.get(name) {
            None => problems.push(format!("`{}` was made once only", name.display())),
            Some(other) if other != digest => {
                problems.push(format!("`{}` differs", name.display()));
            }
            Some(_) => {}
        }
    }
    let new = second.files.keys().filter(|name| !first.files.contains_key(*name));
    problems.extend(new.map(|name| format!("`{}` was made once only", name.display())));
    unless_any(problems, "the same answer and files")
}

/// The answer without figures that are never the same twice: of time and memory.
fn timeless(trial: &Trial) -> Option<Value> {
    let mut answer = trial.portable_answer()?;
    let config = EvaluatorConfig::deserialize(&trial.request.config).unwrap_or_default();
    let is_timed = |name: &str| {
        config.metrics.iter().any(|metric| {
            metric.name == name
                && matches!(
                    metric.kind,
                    MetricKind::Latency | MetricKind::Throughput | MetricKind::Memory
                )
        })
    };
    if trial.request.kind == StepKind::Evaluate
        && let Some(values) = answer.get_mut("value").and_then(Value::as_array_mut)
    {
        for value in values {
            if value.get("metric").and_then(Value::as_str).is_some_and(is_timed) {
                for key in ["value", "uncertainty"] {
                    value[key] = Value::Null;
                }
            }
        }
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::lost;

    #[test]
    fn what_an_answer_says_and_nobody_reads_is_found() {
        let check = |answer: Value, again: Value, expected: Option<&str>| {
            assert_eq!(lost(&answer, &again, "").as_deref(), expected);
        };
        check(json!({"a": 1, "b": null, "c": {}}), json!({"a": 1}), None);
        check(json!({"a": {"b": 1}}), json!({"a": {}}), Some("/a/b"));
        check(json!([{"a": 1}, {"b": 2}]), json!([{"a": 1}, {}]), Some("/1/b"));
        check(json!({"a": 1}), json!({"a": 1, "b": 2}), None);
    }
}
