//! The evaluator: model in, figures out.

use std::path::Path;
use std::{fs, io};

use olive_plugin_api::{
    Evaluator, EvaluatorConfig, MetricKind, MetricValue, Model, ModelKind, PluginError, StepContext,
};

/// Measures the bytes of a model's files, those of its adapter included.
#[derive(Default)]
pub struct AcmeSize;

impl Evaluator for AcmeSize {
    const NAME: &'static str = "AcmeSize";
    const SUMMARY: &'static str = "Measure the bytes of a model's files.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf, ModelKind::Onnx, ModelKind::Gguf]
    }

    fn metrics() -> &'static [MetricKind] {
        &[MetricKind::SizeOnDisk]
    }

    fn evaluate(
        &self,
        model: &Model,
        config: &EvaluatorConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<MetricValue>, PluginError> {
        let parts = [Some(&model.model_path), model.adapter_path.as_ref()];
        let mut bytes = 0;
        for part in parts.into_iter().flatten() {
            ctx.check_cancelled()?;
            bytes += size(part).map_err(|error| {
                let message = format!("cannot read `{}`", part.display());
                PluginError {
                    causes: vec![error.to_string()],
                    ..PluginError::new("io", message)
                }
            })?;
        }
        // Every sub-metric of every metric, in the order of the config.
        let values = config.metrics.iter().flat_map(|metric| {
            metric.sub_types.iter().map(|sub_type| metric.figure(sub_type, bytes as f64))
        });
        Ok(values.collect())
    }
}

/// Bytes of a file, or of the files at any depth of a folder.
fn size(path: &Path) -> io::Result<u64> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}
