//! The evaluator of ONNX models.

use std::ops::ControlFlow;

use olive_kit_measure::{Progress, Subject, Surroundings, evaluate};
use olive_plugin_api::{
    Diagnostic, Evaluator, EvaluatorConfig, MetricKind, MetricValue, Model, ModelKind, PluginError,
    StepContext,
};

use crate::files::weight_files;
use crate::library::environment;
use crate::opened::Opened;
use crate::provider::Provider;

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
        &[MetricKind::Accuracy, MetricKind::Latency, MetricKind::Throughput, MetricKind::SizeOnDisk]
    }

    fn prepare(
        &self,
        _: &Model,
        _: &EvaluatorConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        Provider::of(ctx).find(&environment()?)?;
        Ok(Vec::new())
    }

    fn evaluate(
        &self,
        model: &Model,
        config: &EvaluatorConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<MetricValue>, PluginError> {
        let Opened { mut model, tokenizer, graph_path } = Opened::open(model, ctx)?;
        let mut subject = Subject {
            model: &mut model,
            tokenizer: &tokenizer,
            weight_files: &weight_files(&graph_path)?,
        };
        let mut surroundings = Surroundings {
            data_config: &|name| ctx.data_config(name).ok(),
            output_dir: ctx.output_dir(),
            observer: &mut |progress| observe(ctx, progress),
        };
        Ok(evaluate(config, &mut subject, &mut surroundings)?)
    }
}

fn observe(ctx: &StepContext<'_>, progress: Progress<'_>) -> ControlFlow<()> {
    let Progress { unit, done, total, figures } = progress;
    ctx.progress(unit, done as u64, total as u64, figures);
    if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
