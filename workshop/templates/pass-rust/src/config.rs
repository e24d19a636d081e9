//! What a user may set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the `AcmePrune` pass.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend(
    "examples" = [{"threshold": 0.02, "exclude": ["embed_tokens", "lm_head"]}],
    "x-olive-quality-help" = "try a smaller `threshold`"
))]
pub struct AcmePruneConfig {
    /// Weights of a smaller magnitude become zero.
    #[schemars(range(min = 0.0), extend("errorMessage" = "write a magnitude such as 0.001"))]
    pub threshold: f64,
    /// Parts of names of tensors that stay as they are, such as `embed_tokens`.
    pub exclude: Vec<String>,
}

impl Default for AcmePruneConfig {
    fn default() -> Self {
        Self {
            threshold: 0.001,
            exclude: Vec::new(),
        }
    }
}

impl AcmePruneConfig {
    /// Whether the tensor `name` stays as it is.
    pub fn is_excluded(&self, name: &str) -> bool {
        self.exclude.iter().any(|part| name.contains(part))
    }
}
