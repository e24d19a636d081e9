//! A footprint in Olive's form, read as one of ours: its models and what was measured of them.

use std::path::PathBuf;

use olive_schemas::footprint::{Footprint, ModelRecord};
use olive_schemas::metric::MetricValue;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::step::Accelerator;
use serde_json::{Map, Value};

/// The models of `value`, when it has Olive's form: an object of nodes by id.
///
/// When they were made is known from the first and last time of a node; steps and threads are not.
pub(super) fn read(value: &Value) -> Option<Footprint> {
    let nodes: Vec<&Value> = value.as_object()?.values().collect();
    let is_node = |node: &&Value| node["model_id"].is_string() && node.get("from_pass").is_some();
    if nodes.is_empty() || !nodes.iter().all(is_node) {
        return None;
    }
    Some(Footprint {
        workflow_id: "models".into(),
        olive_version: "of another version".into(),
        threads: 0,
        accelerator: Accelerator::default(),
        start_time: String::new(),
        duration_sec: 0.0,
        models: nodes.into_iter().map(model).collect(),
        diagnostics: Vec::new(),
        goals: Vec::new(),
        search: None,
        origin: None,
        output_dir: None,
    })
}

fn model(node: &Value) -> ModelRecord {
    let text = |key: &str| node[key].as_str().map(str::to_owned);
    let from_pass = text("from_pass");
    ModelRecord {
        model_id: text("model_id").unwrap_or_default(),
        parent_model_id: text("parent_model_id"),
        model: described(&node["model_config"]),
        pass_name: from_pass.clone(),
        from_pass,
        pass_run_config: Some(node["pass_run_config"].clone()).filter(|config| !config.is_null()),
        pass_step: None,
        evaluation_steps: Vec::new(),
        size_bytes: None,
        metrics: metrics(&node["metrics"]),
    }
}

fn described(config: &Value) -> Option<Model> {
    let kind: ModelKind = serde_json::from_value(config["type"].clone()).ok()?;
    let config = &config["config"];
    let path = |key: &str| config[key].as_str().map(PathBuf::from);
    Some(Model {
        adapter_path: path("adapter_path"),
        onnx_file_name: config["onnx_file_name"].as_str().map(str::to_owned),
        ..Model::new(kind, path("model_path")?)
    })
}

/// Figures of a node: `{"value": {"<metric>-<sub-metric>": {"value", "priority", …}}}`.
fn metrics(metrics: &Value) -> Vec<MetricValue> {
    let none = Map::new();
    let values = metrics["value"].as_object().unwrap_or(&none);
    let figure = |(key, told): (&String, &Value)| {
        let (metric, sub_type) = key.split_once('-')?;
        Some(MetricValue {
            metric: metric.to_owned(),
            sub_type: sub_type.to_owned(),
            value: told["value"].as_f64()?,
            priority: told["priority"].as_i64().and_then(|rank| i32::try_from(rank).ok())?,
            higher_is_better: told["higher_is_better"].as_bool()?,
            uncertainty: serde_json::from_value(told["uncertainty"].clone()).ok(),
        })
    };
    values.iter().filter_map(figure).collect()
}
