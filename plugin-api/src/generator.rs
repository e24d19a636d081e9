//! Generators: model and prompt in, text out.

use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::step::GenerateConfig;

use crate::context::StepContext;

/// A generator continues a prompt with a model, token by token.
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
