//! Systems that are built in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TypeEntry;
use crate::workflow::AcceleratorConfig;

pub(super) fn entries() -> Vec<TypeEntry> {
    vec![TypeEntry::new::<LocalSystem>("LocalSystem", "This machine")]
}

/// Settings of this machine as a system.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
#[schemars(extend("x-olive-ignored" = {
    "hf_token": "models and data are local files; the Hugging Face token is taken from the environment"
}))]
struct LocalSystem {
    /// Device and execution provider; at most one entry.
    #[schemars(length(max = 1))]
    accelerators: Vec<AcceleratorConfig>,
}
