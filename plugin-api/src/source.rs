//! Sources: a reference in, local files out.

use std::path::PathBuf;

use olive_schemas::error::PluginError;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::StepContext;

/// A source makes files that lie elsewhere local.
///
/// A config selects it where it would otherwise name a path:
/// `"model_path": {"type": "AcmeShelf", "item": "phi"}`. Files are fetched before a run is planned,
/// and kept by the reference and the plugin's digest; a reference should therefore say all that
/// decides the content, such as a revision.
pub trait Source: Default + Send + Sync + 'static {
    /// The reference beside `type`. Every field is documented, unknown keys are refused.
    type Config: Serialize + DeserializeOwned + JsonSchema;

    /// Name a reference selects the source by.
    const NAME: &'static str;

    /// One sentence on where files come from, with a final period.
    const SUMMARY: &'static str;

    /// Fetches the file or folder into [`StepContext::output_dir`]; gives its path there.
    ///
    /// # Errors
    /// When it is not there or cannot be reached, or [`PluginError::cancelled`] when the step was
    /// asked to stop.
    fn fetch(
        &self,
        reference: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PluginError>;
}
