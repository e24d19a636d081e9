//! The evaluator: what the model says about itself, and its size.

use std::fs;

use olive_plugin_api::{
    CustomFigure, CustomMetrics, Evaluator, EvaluatorConfig, MetricKind, MetricValue, Model,
    ModelKind, PluginError, StepContext,
};
use serde_json::{Value, json};

/// Reads the score of a model and weighs it.
#[derive(Default)]
pub struct ToyEvaluator;

impl Evaluator for ToyEvaluator {
    const NAME: &'static str = "ToyEvaluator";
    const SUMMARY: &'static str = "Read the score of a model.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf, ModelKind::Onnx]
    }

    fn metrics() -> &'static [MetricKind] {
        &[MetricKind::Accuracy, MetricKind::SizeOnDisk]
    }

    fn custom() -> Option<CustomMetrics> {
        let figure = |name: &str, higher_is_better| CustomFigure {
            name: name.into(),
            description: String::new(),
            higher_is_better,
        };
        Some(CustomMetrics {
            figures: vec![figure("merit", true), figure("flaw", false)],
            schema: json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "factor": {"type": "number", "minimum": 0, "default": 1.0},
                    "forget": {"type": "string"}
                }
            }),
        })
    }

    fn evaluate(
        &self,
        model: &Model,
        config: &EvaluatorConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<MetricValue>, PluginError> {
        let score = fs::read_to_string(model.model_path.join("score")).unwrap_or_default();
        let score = score.trim().parse().unwrap_or(1.0);
        let mut values = Vec::new();
        for metric in &config.metrics {
            if let Some(data) = &metric.data_config {
                ctx.data_config(data)?;
            }
            let settings = &metric.user_config.settings;
            let factor = settings.get("factor").and_then(Value::as_f64).unwrap_or(1.0);
            let forgotten = settings.get("forget").and_then(Value::as_str);
            let value = match metric.kind {
                MetricKind::SizeOnDisk => size(model)?,
                _ => score * factor,
            };
            let sub_types = metric.sub_types.iter();
            let sub_types = sub_types.filter(|sub_type| Some(&*sub_type.name) != forgotten);
            values.extend(sub_types.map(|sub_type| metric.figure(sub_type, value)));
        }
        Ok(values)
    }
}

/// Bytes of the model's files.
fn size(model: &Model) -> Result<f64, PluginError> {
    let unreadable = |error: std::io::Error| PluginError::from_error("io", &error);
    let entries = fs::read_dir(&model.model_path).map_err(unreadable)?;
    let sizes =
        entries.map(|entry| Ok(entry.map_err(unreadable)?.metadata().map_err(unreadable)?.len()));
    Ok(sizes.collect::<Result<Vec<u64>, PluginError>>()?.iter().sum::<u64>() as f64)
}
