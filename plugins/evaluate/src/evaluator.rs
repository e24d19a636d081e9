//! The evaluator of checkpoints.

use std::ops::ControlFlow;

use olive_kit_inference::Opened;
use olive_kit_measure::{Progress, Subject, Surroundings, evaluate};
use olive_plugin_api::{
    Evaluator, EvaluatorConfig, MetricKind, MetricValue, Model, ModelKind, PluginError, StepContext,
};

use crate::error::EvaluateError;
use crate::threads::with_threads;

/// Measures checkpoints, with the adapter that comes with them.
#[derive(Debug, Default)]
pub struct CheckpointEvaluator;

impl Evaluator for CheckpointEvaluator {
    const NAME: &'static str = "CheckpointEvaluator";
    const SUMMARY: &'static str =
        "Measure a checkpoint, with its adapter if it has one, on the CPU in f32.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn metrics() -> &'static [MetricKind] {
        &MetricKind::ALL
    }

    fn evaluate(
        &self,
        model: &Model,
        config: &EvaluatorConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<MetricValue>, PluginError> {
        with_threads(ctx.threads(), || {
            let Opened { mut model, tokenizer, weight_files } =
                Opened::open(model).map_err(EvaluateError::from)?;
            let mut subject =
                Subject { model: &mut model, tokenizer: &tokenizer, weight_files: &weight_files };
            let mut surroundings = Surroundings {
                data_config: &|name| ctx.data_config(name).ok(),
                output_dir: ctx.output_dir(),
                open_reference: &mut |path| Ok(Box::new(Opened::at(path)?.model)),
                observer: &mut |progress| observe(ctx, progress),
            };
            Ok(evaluate(config, &mut subject, &mut surroundings)?)
        })?
    }
}

fn observe(ctx: &StepContext<'_>, progress: Progress<'_>) -> ControlFlow<()> {
    let Progress { unit, done, total, figures } = progress;
    ctx.progress(unit, done as u64, total as u64, figures);
    if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
