//! Errors as plain data, the only form in which they cross the plugin boundary.
//!
//! ```
//! use olive_schemas::error::PluginError;
//!
//! let error = PluginError::new("io", "cannot read `/no/such/file`").with_help("mount the disk");
//! assert_eq!(error.to_string(), "cannot read `/no/such/file`");
//! let line = serde_json::to_string(&error).unwrap();
//! assert_eq!(serde_json::from_str::<PluginError>(&line).unwrap(), error);
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a plugin could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginError {
    /// Stable, documented name such as `panic`, `cancelled` or `shape-mismatch`.
    pub code: String,
    /// What is true, naming the thing and the place; no final period.
    pub message: String,
    /// What lies beneath, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to try, when something can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl PluginError {
    /// Code of the error a cancelled step ends with.
    pub const CANCELLED: &'static str = "cancelled";
    /// Code of a panic caught at the boundary.
    pub const PANIC: &'static str = "panic";

    /// An error with a code and a message.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), causes: Vec::new(), help: None }
    }

    /// The error of a step that was asked to stop.
    pub fn cancelled() -> Self {
        Self::new(Self::CANCELLED, "the step was cancelled")
    }

    /// An error that tells `error` and its chain of sources.
    pub fn from_error(code: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let sources = std::iter::successors(error.source(), |source| source.source());
        let causes = sources.map(ToString::to_string).collect();
        Self { code: code.into(), message: error.to_string(), causes, help: None }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl std::fmt::Display for PluginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for PluginError {}
