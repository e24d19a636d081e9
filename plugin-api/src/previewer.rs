//! The trait of previewers.

use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::preview::{PreviewConfig, Previewed};

use crate::context::StepContext;

/// A previewer shows what a model will see of a data set, as a training would make it.
pub trait Previewer: Default + Send + Sync + 'static {
    /// Name in listings.
    const NAME: &'static str;

    /// One sentence on what it shows, with a final period.
    const SUMMARY: &'static str;

    /// Kinds of model whose tokenizer it can read.
    fn accepts() -> &'static [ModelKind];

    /// What `model` will see of the data config that `config` names.
    ///
    /// Data that do not fit their config are an answer, [`Previewed::Refused`], so that the user is
    /// shown the place in the config.
    ///
    /// # Errors
    /// When the model or its tokenizer cannot be read, or the step was cancelled.
    fn preview(
        &self,
        model: &Model,
        config: &PreviewConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Previewed, PluginError>;
}
