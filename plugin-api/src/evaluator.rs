//! Evaluators: model in, metrics out.

use olive_schemas::error::PluginError;
use olive_schemas::metric::{EvaluatorConfig, MetricKind, MetricValue};
use olive_schemas::model::{Model, ModelKind};

use crate::context::StepContext;

/// An evaluator measures one kind of model.
///
/// The host picks the evaluator by the model's kind and the metrics asked for, so that one
/// evaluator config measures a checkpoint and the ONNX model made of it.
pub trait Evaluator: Default + Send + Sync + 'static {
    /// Name in plans and reports.
    const NAME: &'static str;

    /// One sentence on what the evaluator does, with a final period.
    const SUMMARY: &'static str;

    /// Kinds of model it measures.
    fn accepts() -> &'static [ModelKind];

    /// Metrics it can measure.
    fn metrics() -> &'static [MetricKind];

    /// Measures every sub-metric of every metric of `config`, in this order.
    ///
    /// # Errors
    /// When the model cannot be run or a figure cannot be measured.
    fn evaluate(
        &self,
        model: &Model,
        config: &EvaluatorConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<MetricValue>, PluginError>;
}
