//! Models and metrics in the form Olive writes them.

use olive_schemas::footprint::{Footprint, ModelRecord};
use olive_schemas::goal::GoalOutcome;
use olive_schemas::model::Model;
use olive_schemas::search::TrialRecord;
use serde_json::{Map, Value, json};

use crate::clock::epoch_seconds;

/// A model as `model_config.json` has it: type and config, paths absolute.
pub(super) fn model_config(model: &Model) -> Value {
    let path = |path: &std::path::Path| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Value::String(absolute.to_string_lossy().into_owned())
    };
    let mut config = Map::new();
    config.insert("model_path".into(), path(&model.model_path));
    if let Some(adapter) = &model.adapter_path {
        config.insert("adapter_path".into(), path(adapter));
    }
    if let Some(name) = &model.onnx_file_name {
        config.insert("onnx_file_name".into(), json!(name));
    }
    if let Some(settings) = &model.inference_settings {
        config.insert("inference_settings".into(), json!(settings));
    }
    if !model.model_attributes.is_empty() {
        config.insert("model_attributes".into(), json!(model.model_attributes));
    }
    json!({"type": model.kind.name(), "config": config})
}

/// The metrics of a model, by `<metric>-<sub-metric>`.
pub(super) fn metrics(record: &ModelRecord) -> Value {
    let values = record.metrics.iter().map(|value| {
        let mut told = json!({
            "value": value.value,
            "priority": value.priority,
            "higher_is_better": value.higher_is_better,
        });
        if let Some(uncertainty) = value.uncertainty {
            told["uncertainty"] = json!(uncertainty);
        }
        (value.key(), told)
    });
    Value::Object(values.collect())
}

/// `models` of `footprint` as nodes, by id.
pub(super) fn nodes<'a>(
    footprint: &Footprint,
    models: impl IntoIterator<Item = &'a ModelRecord>,
) -> Value {
    let node = |record: &ModelRecord| (record.model_id.clone(), node(footprint, record));
    Value::Object(models.into_iter().map(node).collect())
}

/// One node. Without a search there is no frontier to be on.
fn node(footprint: &Footprint, record: &ModelRecord) -> Value {
    let search = footprint.search.as_ref();
    let trials = search.map(|search| search.trials.as_slice()).unwrap_or_default();
    let is_last = |trial: &&TrialRecord| trial.models.last() == Some(&record.model_id);
    let trial = trials.iter().find(is_last);
    let is_unmet = |goal: &GoalOutcome| goal.model == record.title() && !goal.is_met();
    let meets_goals = match trial {
        Some(trial) => trial.meets_goals(),
        None => search.is_some() || !footprint.goals.iter().any(is_unmet),
    };
    let step = record.pass_step.as_ref();
    let time = |time: Option<&String>| time.and_then(|time| epoch_seconds(time)).unwrap_or(0.0);
    json!({
        "parent_model_id": record.parent_model_id,
        "model_id": record.model_id,
        "model_config": record.model.as_ref().map(model_config),
        "from_pass": record.from_pass,
        "pass_run_config": record.pass_run_config,
        "is_pareto_frontier": trial.is_some_and(|trial| trial.is_pareto),
        "metrics": node_metrics(record, meets_goals),
        "start_time": time(step.map(|step| &step.start_time)),
        "end_time": time(step.map(|step| &step.end_time)),
    })
}

fn node_metrics(record: &ModelRecord, meets_goals: bool) -> Value {
    if record.metrics.is_empty() {
        return Value::Null;
    }
    let directions: Map<String, Value> = record
        .metrics
        .iter()
        .map(|value| (value.key(), json!(if value.higher_is_better { 1 } else { -1 })))
        .collect();
    json!({"value": metrics(record), "cmp_direction": directions, "if_goals_met": meets_goals})
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use olive_schemas::model::ModelKind;

    use super::*;
    use crate::report::sample;

    #[test]
    fn nodes_have_olives_keys() {
        let footprint = sample::full();
        let nodes = nodes(&footprint, &footprint.models);
        let node = &nodes[&footprint.models[1].model_id];
        let keys: Vec<&String> = node.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "parent_model_id",
                "model_id",
                "model_config",
                "from_pass",
                "pass_run_config",
                "is_pareto_frontier",
                "metrics",
                "start_time",
                "end_time"
            ]
        );
        assert_eq!(node["parent_model_id"], json!(footprint.models[0].model_id));
        assert_eq!(node["from_pass"], "Tune");
        assert_eq!(node["start_time"], 1_795_545_616.0);
        assert_eq!(node["metrics"]["cmp_direction"]["tone-perplexity"], -1);
        assert_eq!(node["metrics"]["value"]["tone-exact_match"]["value"], 0.883);
        assert_eq!(node["metrics"]["if_goals_met"], true);
        assert_eq!(nodes[&footprint.models[0].model_id]["parent_model_id"], Value::Null);
    }

    #[test]
    fn nodes_of_a_search_tell_its_front_and_missed_goals() {
        let footprint = sample::searches::full();
        let nodes = nodes(&footprint, &footprint.models);
        for (number, is_pareto, meets_goals) in
            [(1, true, true), (3, false, false), (5, false, true), (7, true, true)]
        {
            let trial = footprint.search.as_ref().unwrap().trial(number).unwrap();
            let node = &nodes[trial.models.last().unwrap()];
            let told = (&node["is_pareto_frontier"], &node["metrics"]["if_goals_met"]);
            assert_eq!(told, (&json!(is_pareto), &json!(meets_goals)), "{number}");
        }
    }

    #[test]
    fn a_model_config_names_every_part() {
        let mut model = Model::new(ModelKind::Hf, "/models/base");
        assert_eq!(
            model_config(&model),
            json!({"type": "HfModel", "config": {"model_path": "/models/base"}})
        );
        model.adapter_path = Some(PathBuf::from("/out/adapter"));
        model.model_attributes.insert("rank".into(), json!(64));
        assert_eq!(
            model_config(&model)["config"],
            json!({
                "model_path": "/models/base",
                "adapter_path": "/out/adapter",
                "model_attributes": {"rank": 64}
            })
        );
    }
}
