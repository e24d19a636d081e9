//! Sources: a reference in, local files out.

use olive_schemas::error::PluginError;
use olive_schemas::step::Fetched;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::StepContext;

/// A source makes files that lie elsewhere local.
///
/// A config selects it where it would otherwise name a path:
/// `"model_path": {"type": "AcmeShelf", "item": "phi"}`. Files are fetched before a run is planned,
/// and kept by the reference and the plugin's digest; a reference should therefore say all that
/// decides the content, such as a revision. What a reference without one led to is told by
/// [`Fetched::revision`]. What has come of large files may wait for another attempt in
/// [`StepContext::checkpoint_dir`].
///
/// ```
/// use olive_plugin_api::testing::{Recorder, TestStep, run_source};
/// use olive_plugin_api::{Fetched, PluginError, Source, StepContext};
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
///     fn fetch(&self, zeros: &Zeros, ctx: &StepContext<'_>) -> Result<Fetched, PluginError> {
///         let path = ctx.output_dir().join("zeros");
///         std::fs::write(&path, vec![0; zeros.length])
///             .map_err(|error| PluginError::from_error("io", &error))?;
///         Ok(path.into())
///     }
/// }
///
/// let step = TestStep::source::<FromNothing>(serde_json::json!({"length": 3}));
/// let path = run_source::<FromNothing>(&step, &Recorder::default()).unwrap();
/// assert_eq!(std::fs::read(path).unwrap(), [0, 0, 0]);
/// ```
///
/// A source may also take ids that a config writes as plain text, `"model_path": "owner/name"`: the
/// mark `x-olive-ids` of the reference's schema says which (`schemas/src/ids.rs`).
pub trait Source: Default + Send + Sync + 'static {
    /// The reference beside `type`. Every field is documented, unknown keys are refused.
    type Config: Serialize + DeserializeOwned + JsonSchema;

    /// Name a reference selects the source by.
    const NAME: &'static str;

    /// One sentence on where files come from, with a final period.
    const SUMMARY: &'static str;

    /// Fetches the file or folder into [`StepContext::output_dir`]; gives its path there, and its
    /// revision when the reference leaves that open.
    ///
    /// # Errors
    /// When it is not there or cannot be reached, or [`PluginError::cancelled`] when the step was
    /// asked to stop.
    fn fetch(
        &self,
        reference: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<Fetched, PluginError>;
}
