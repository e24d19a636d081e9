//! Settings of the pass.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the `MergeAdapterWeights` pass: none, as the adapter says everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-adapter" = "merges"))]
pub struct MergeAdapterWeightsConfig {}
