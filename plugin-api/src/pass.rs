//! Passes: model in, model out.

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::StepContext;

/// A pass turns one model into another.
///
/// It reads the input model and the data configs its config names, writes only into
/// [`StepContext::output_dir`] and [`StepContext::scratch_dir`], and is a pure function of its
/// request: same request, same bytes.
///
/// ```
/// use olive_plugin_api::testing::{Recorder, TestStep, prepare_pass, run_pass};
/// use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// /// Settings of the `Label` pass.
/// #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields, default)]
/// pub struct LabelConfig {
///     /// Text of the file `LABEL`, in one line.
///     pub text: String,
/// }
///
/// #[derive(Default)]
/// pub struct Label;
///
/// impl Pass for Label {
///     type Config = LabelConfig;
///     const NAME: &'static str = "Label";
///     const SUMMARY: &'static str = "Write a label beside nothing else.";
///     const THREADS_CHANGE_RESULT: bool = false;
///
///     fn accepts() -> &'static [ModelKind] {
///         &[ModelKind::Hf, ModelKind::Onnx]
///     }
///
///     fn produces() -> ModelKind {
///         ModelKind::Hf
///     }
///
///     fn prepare(
///         &self,
///         _input: &Model,
///         config: &LabelConfig,
///         _ctx: &StepContext<'_>,
///     ) -> Result<Vec<Diagnostic>, PluginError> {
///         let told = || Diagnostic::error("label", "/text", "the text has more than one line");
///         Ok(config.text.contains('\n').then(told).into_iter().collect())
///     }
///
///     fn run(
///         &self,
///         _input: &Model,
///         config: &LabelConfig,
///         ctx: &StepContext<'_>,
///     ) -> Result<Model, PluginError> {
///         std::fs::write(ctx.output_dir().join("LABEL"), &config.text)
///             .map_err(|error| PluginError::from_error("io", &error))?;
///         Ok(Model::new(ModelKind::Hf, ctx.output_dir()))
///     }
/// }
///
/// let label = |text: &str| {
///     let input = Model::new(ModelKind::Onnx, "/no/model");
///     TestStep::pass::<Label>(input, serde_json::json!({"text": text}))
/// };
/// let found = prepare_pass::<Label>(&label("a\nb"), &Recorder::default()).unwrap();
/// assert_eq!(found[0].pointer, "/text");
/// let step = label("golden");
/// let model = run_pass::<Label>(&step, &Recorder::default()).unwrap();
/// assert_eq!(std::fs::read_to_string(model.model_path.join("LABEL")).unwrap(), "golden");
/// ```
pub trait Pass: Default + Send + Sync + 'static {
    /// What a user may set. Every field is documented, unknown keys are refused.
    type Config: Serialize + DeserializeOwned + JsonSchema;

    /// Name a config selects the pass by, spelled as in Olive where the pass is the same.
    const NAME: &'static str;

    /// One sentence on what the pass does, with a final period.
    const SUMMARY: &'static str;

    /// Whether another thread count may change the bytes of the result.
    const THREADS_CHANGE_RESULT: bool = true;

    /// Whether several processes can compute the pass together, as [`StepContext::ranks`] says.
    ///
    /// [`Pass::run`] is then called in each of them with the same folders; what rank 0 answers is
    /// the result, and only rank 0 may write to the output folder.
    const HAS_RANKS: bool = false;

    /// Kinds of model the pass takes.
    fn accepts() -> &'static [ModelKind];

    /// Kind of model the pass makes.
    fn produces() -> ModelKind;

    /// Finds problems against the real model and data before any work is done.
    ///
    /// Called for every pass of a plan before the first one runs. `input` is then an ancestor of
    /// the model the pass will see ([`StepContext::is_input_final`] is false): of the same family
    /// and with the same tokenizer, but perhaps still without its adapter. Called again, with the
    /// very model, before [`Pass::run`]. Pointers of diagnostics start at the pass's own config.
    ///
    /// # Errors
    /// When the model or data cannot be read at all.
    fn prepare(
        &self,
        input: &Model,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let _ = (input, config, ctx);
        Ok(Vec::new())
    }

    /// Makes the model. Paths of the result are absolute: inside the output folder, or the input's.
    ///
    /// # Errors
    /// When the work cannot be done, or [`PluginError::cancelled`] when it was asked to stop.
    fn run(
        &self,
        input: &Model,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError>;
}
