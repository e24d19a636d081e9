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
///
/// ```
/// use std::path::PathBuf;
///
/// use olive_plugin_api::testing::{Recorder, TestStep, run_source};
/// use olive_plugin_api::{PluginError, Source, StepContext};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// /// A file of zeros.
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Zeros {
///     /// Length in bytes.
///     length: usize,
/// }
///
/// #[derive(Default)]
/// struct FromNothing;
///
/// impl Source for FromNothing {
///     type Config = Zeros;
///     const NAME: &'static str = "FromNothing";
///     const SUMMARY: &'static str = "Files of zeros, from nowhere.";
///
///     fn fetch(&self, zeros: &Zeros, ctx: &StepContext<'_>) -> Result<PathBuf, PluginError> {
///         let path = ctx.output_dir().join("zeros");
///         std::fs::write(&path, vec![0; zeros.length])
///             .map_err(|error| PluginError::from_error("io", &error))?;
///         Ok(path)
///     }
/// }
///
/// let step = TestStep::source::<FromNothing>(serde_json::json!({"length": 3}));
/// let path = run_source::<FromNothing>(&step, &Recorder::default()).unwrap();
/// assert_eq!(std::fs::read(path).unwrap(), [0, 0, 0]);
/// ```
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
