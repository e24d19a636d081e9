//! Evaluators: model in, metrics out.

use olive_schemas::descriptor::CustomMetrics;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_schemas::metric::{EvaluatorConfig, MetricKind, MetricValue};
use olive_schemas::model::{Model, ModelKind};

use crate::context::StepContext;

/// An evaluator measures one kind of model.
///
/// The host picks the evaluator by the model's kind and the metrics asked for, so that one
/// evaluator config measures a checkpoint and the ONNX model made of it.
///
/// ```
/// use olive_plugin_api::testing::{Recorder, TestStep, run_evaluator};
/// use olive_plugin_api::{
///     Evaluator, EvaluatorConfig, MetricKind, MetricValue, Model, ModelKind, PluginError,
///     StepContext,
/// };
///
/// #[derive(Default)]
/// struct Feather;
///
/// impl Evaluator for Feather {
///     const NAME: &'static str = "Feather";
///     const SUMMARY: &'static str = "Find every model as light as a feather.";
///
///     fn accepts() -> &'static [ModelKind] {
///         &[ModelKind::Hf]
///     }
///
///     fn metrics() -> &'static [MetricKind] {
///         &[MetricKind::SizeOnDisk]
///     }
///
///     fn evaluate(
///         &self,
///         _model: &Model,
///         config: &EvaluatorConfig,
///         _ctx: &StepContext<'_>,
///     ) -> Result<Vec<MetricValue>, PluginError> {
///         let figures = config.metrics.iter().flat_map(|metric| {
///             metric.sub_types.iter().map(|sub_type| metric.figure(sub_type, 8.0))
///         });
///         Ok(figures.collect())
///     }
/// }
///
/// let asked = serde_json::json!({"metrics": [
///     {"name": "files", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]}
/// ]});
/// let step = TestStep::evaluator::<Feather>(Model::new(ModelKind::Hf, "/no/model"), asked);
/// let measured = run_evaluator::<Feather>(&step, &Recorder::default()).unwrap();
/// assert_eq!((&*measured[0].key(), measured[0].value), ("files-bytes", 8.0));
/// ```
pub trait Evaluator: Default + Send + Sync + 'static {
    /// Name in plans and reports.
    const NAME: &'static str;

    /// One sentence on what the evaluator does, with a final period.
    const SUMMARY: &'static str;

    /// Kinds of model it measures.
    fn accepts() -> &'static [ModelKind];

    /// Metrics it can measure.
    fn metrics() -> &'static [MetricKind];

    /// What it measures for metrics of type `custom` that name it; nothing unless a plugin says so.
    ///
    /// Such a metric is a step of its own: the config of [`evaluate`](Self::evaluate) then has this
    /// one metric, with the evaluator's own settings in `user_config.settings`.
    fn custom() -> Option<CustomMetrics> {
        None
    }

    /// Finds what keeps a model from being measured here, before any step runs.
    ///
    /// Asked when the step is meant for another execution provider than the processor's; `model` is
    /// then the model to measure or, where that is still to be made, an ancestor of it
    /// ([`StepContext::is_input_final`]). Pointers of diagnostics lead into `config`.
    ///
    /// # Errors
    /// When the execution provider cannot be used on this machine.
    fn prepare(
        &self,
        model: &Model,
        config: &EvaluatorConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let _ = (model, config, ctx);
        Ok(Vec::new())
    }

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
