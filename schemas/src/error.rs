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
    /// Code of the error of a system whose job is on another machine, from which alone it can be
    /// followed and ended.
    pub const OTHER_MACHINE: &'static str = "other-machine";
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

    /// An error that tells `error` and its chain of sources, each once: many errors end with what
    /// their source says.
    pub fn from_error(code: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let mut told = Self::new(code, error.to_string());
        let sources = std::iter::successors(error.source(), |source| source.source());
        for cause in sources.map(ToString::to_string) {
            if !told.causes.last().unwrap_or(&told.message).ends_with(&cause) {
                told.causes.push(cause);
            }
        }
        told
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

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fmt;

    use super::PluginError;

    /// An error of these words with that source.
    #[derive(Debug)]
    struct Because(&'static str, Option<Box<Because>>);

    impl fmt::Display for Because {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Because {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    #[test]
    fn what_an_error_says_of_its_source_is_told_once() {
        let chain = ["cannot write `a`", "I/O error: disk full", "disk full", "code 28"];
        let because = |source, words| Some(Box::new(Because(words, source)));
        let error = chain.into_iter().rev().fold(None, because).unwrap();
        let told = PluginError::from_error("io", &*error);
        assert_eq!(told.to_string(), "cannot write `a`: I/O error: disk full: code 28");
    }
}
