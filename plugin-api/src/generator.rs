//! Generators: model and prompt in, text out.

use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::step::GenerateConfig;

use crate::context::StepContext;

/// A generator continues a prompt with a model, token by token.
///
/// ```
/// use olive_plugin_api::testing::{Recorder, TestStep, run_generator};
/// use olive_plugin_api::{
///     GenerateConfig, Generator, Model, ModelKind, PluginError, StepContext,
/// };
///
/// #[derive(Default)]
/// struct Echo;
///
/// impl Generator for Echo {
///     const NAME: &'static str = "Echo";
///     const SUMMARY: &'static str = "Say the prompt once more.";
///
///     fn accepts() -> &'static [ModelKind] {
///         &[ModelKind::Hf]
///     }
///
///     fn generate(
///         &self,
///         _model: &Model,
///         config: &GenerateConfig,
///         ctx: &StepContext<'_>,
///     ) -> Result<String, PluginError> {
///         for piece in config.prompt.split_inclusive(' ') {
///             ctx.check_cancelled()?;
///             ctx.text(piece);
///         }
///         Ok(config.prompt.clone())
///     }
/// }
///
/// let asked = serde_json::json!({"prompt": "hello there", "max_new_tokens": 2});
/// let step = TestStep::generator::<Echo>(Model::new(ModelKind::Hf, "/no/model"), asked);
/// let heard = Recorder::default();
/// assert_eq!(run_generator::<Echo>(&step, &heard).unwrap(), "hello there");
/// assert_eq!(heard.events().len(), 2);
/// assert_eq!(heard.text(), "hello there");
/// ```
pub trait Generator: Default + Send + Sync + 'static {
    /// Name in listings.
    const NAME: &'static str;

    /// One sentence on what the generator does, with a final period.
    const SUMMARY: &'static str;

    /// Kinds of model it can run.
    fn accepts() -> &'static [ModelKind];

    /// Continues the prompt greedily; sends pieces through [`StepContext::text`] as they come.
    ///
    /// # Errors
    /// When the model cannot be run.
    fn generate(
        &self,
        model: &Model,
        config: &GenerateConfig,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError>;
}
