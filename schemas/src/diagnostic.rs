//! Diagnostics: what is wrong, or worth knowing, about what the user wrote.
//!
//! ```
//! use olive_schemas::diagnostic::{Applicability, Diagnostic};
//! use serde_json::json;
//!
//! let told = Diagnostic::error("rank-too-large", "/passes/tune/r", "rank 64 is above 32")
//!     .with_help("lower `r` to 32")
//!     .with_fix(
//!         "set `r` to 32",
//!         json!([{"op": "replace", "path": "/passes/tune/r", "value": 32}]),
//!         Applicability::MaybeIncorrect,
//!     );
//! let text = serde_json::to_value(&told).unwrap();
//! assert_eq!(text["severity"], "error");
//! assert_eq!(text["fixes"][0]["applicability"], "maybe-incorrect");
//! assert!(text.get("related").is_none(), "what is empty is left out");
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One finding about a config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable, documented name such as `unknown-key`.
    pub code: String,
    /// What is true, with the value and the limit; no final period.
    pub message: String,
    /// JSON pointer (RFC 6901) into the config as the user wrote it.
    pub pointer: String,
    /// What to try, imperative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Other places that have to do with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// Changes that mend it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<Fix>,
}

/// A change of the config that mends a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// What it does, imperative.
    pub title: String,
    /// JSON patch (RFC 6902) of the normalized workflow.
    pub patch: Value,
    /// How sure it is.
    pub applicability: Applicability,
}

/// How sure a fix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Applicability {
    /// It is what the user meant.
    MachineApplicable,
    /// It may not be.
    MaybeIncorrect,
    /// The user must fill something in.
    HasPlaceholders,
}

/// A place that has to do with a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Related {
    /// JSON pointer (RFC 6901) into the config.
    pub pointer: String,
    /// What is there.
    pub message: String,
}

impl Diagnostic {
    /// A finding without help.
    pub fn new(
        severity: Severity,
        code: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code: code.into(),
            message: message.into(),
            pointer: pointer.into(),
            help: None,
            related: Vec::new(),
            fixes: Vec::new(),
        }
    }

    /// An error at `pointer`.
    pub fn error(
        code: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Error, code, pointer, message)
    }

    /// The same finding with a hint.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same finding with one more place that has to do with it.
    #[must_use]
    pub fn with_related(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.related.push(Related { pointer: pointer.into(), message: message.into() });
        self
    }

    /// The same finding with a change that mends it.
    #[must_use]
    pub fn with_fix(mut self, title: impl Into<String>, patch: Value, how: Applicability) -> Self {
        self.fixes.push(Fix { title: title.into(), patch, applicability: how });
        self
    }
}

/// How bad a finding is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The run cannot start.
    Error,
    /// The run may surprise.
    Warning,
    /// An old spelling was read, or a default decided.
    Note,
}
