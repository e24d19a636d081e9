//! The evaluator of ONNX models.

use std::ops::ControlFlow;
use std::path::Path;

use olive_kit_inference::Opened as Checkpoint;
use olive_kit_measure::{LanguageModel, ModelError, Progress, Subject, Surroundings, evaluate};
use olive_plugin_api::{
    Diagnostic, Evaluator, EvaluatorConfig, MetricKind, MetricValue, Model, ModelKind, PluginError,
    StepContext,
};

use crate::error::OnnxError;
use crate::files::{graph_path, weight_files};
use crate::genai_config::GenaiConfig;
use crate::library::environment;
use crate::model::OnnxLanguageModel;
use crate::opened::Opened;
use crate::session::SessionSettings;
use crate::sessions::{asked, settings};

/// Measures ONNX models through ONNX Runtime.
#[derive(Debug, Default)]
pub struct OnnxRuntimeEvaluator;

impl Evaluator for OnnxRuntimeEvaluator {
    const NAME: &'static str = "OnnxRuntimeEvaluator";
    const SUMMARY: &'static str = "Measure an ONNX model through ONNX Runtime.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn metrics() -> &'static [MetricKind] {
        &MetricKind::ALL
    }

    fn prepare(
        &self,
        model: &Model,
        config: &EvaluatorConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let environment = environment()?;
        for metric in &config.metrics {
            let settings = settings(ctx, model.inference_settings.as_ref(), asked(metric))?;
            settings.provider().find(&environment)?;
        }
        Ok(Vec::new())
    }

    fn evaluate(
        &self,
        model: &Model,
        config: &EvaluatorConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<MetricValue>, PluginError> {
        let first = config.metrics.iter().find(|metric| metric.kind != MetricKind::SizeOnDisk);
        let opened = Opened::open(model, first.and_then(asked), ctx)?;
        let Opened { mut model, tokenizer, graph_path } = opened;
        let mut subject = Subject {
            model: &mut model,
            tokenizer: &tokenizer,
            weight_files: &weight_files(&graph_path)?,
        };
        let mut surroundings = Surroundings {
            data_config: &|name| ctx.data_config(name).ok(),
            output_dir: ctx.output_dir(),
            open_reference: &mut |path| open_reference(path, ctx),
            observer: &mut |progress| observe(ctx, progress),
        };
        Ok(evaluate(config, &mut subject, &mut surroundings).map_err(OnnxError::Measure)?)
    }
}

/// Opens the model at `path`: an ONNX model where there is a `genai_config.json`, else a checkpoint.
fn open_reference(
    path: &Path,
    ctx: &StepContext<'_>,
) -> Result<Box<dyn LanguageModel>, ModelError> {
    if path.join(GenaiConfig::FILE_NAME).exists() {
        let config = GenaiConfig::read(path)?;
        let graph_path = graph_path(&Model::new(ModelKind::Onnx, path), &config);
        let settings = SessionSettings::of(ctx);
        return Ok(Box::new(OnnxLanguageModel::open_with(&settings, &graph_path, config)?));
    }
    Ok(Box::new(Checkpoint::at(path)?.model))
}

fn observe(ctx: &StepContext<'_>, progress: Progress<'_>) -> ControlFlow<()> {
    let Progress { unit, done, total, figures } = progress;
    ctx.progress(unit, done as u64, total as u64, figures);
    if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
