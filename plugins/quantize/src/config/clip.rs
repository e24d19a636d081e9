//! Settings of the pass `AutoClip`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Codes, Data, Method, Quantizer, Selection};
use crate::known;

/// Settings of the `AutoClip` pass: narrow weights so that rounding them costs less.
///
/// For each group the range of least error in the layer's outputs, when rounded to nearest on the
/// grid that is said here; query, key and value are left alone. Weights stay in floats, for a
/// quantizer after it with the same grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_clip(),
    "x-olive-unavailable" = known::unavailable(),
    "x-olive-adapter" = "refuses"
))]
pub struct AutoClipConfig {
    /// Which matrices, on which grids.
    #[serde(flatten)]
    pub selection: Selection,
    /// What the model reads.
    #[serde(flatten)]
    pub data: Data,
    /// Steps from a whole range to none, of which the first are tried.
    #[serde(default = "n_grid")]
    #[schemars(range(min = 1, max = 200))]
    pub n_grid: usize,
    /// Share of a range that is cut off at most.
    #[serde(default = "max_shrink")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub max_shrink: f64,
}

impl Quantizer for AutoClipConfig {
    const NAME: &'static str = "AutoClip";
    const SUMMARY: &'static str = "Narrow the weights of a checkpoint for a quantizer, on data.";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn codes(&self) -> Option<&Codes> {
        None
    }

    fn data(&self) -> Option<&Data> {
        Some(&self.data)
    }

    fn method(&self) -> Method<'_> {
        Method::Clip(self)
    }
}

const fn n_grid() -> usize {
    20
}

const fn max_shrink() -> f64 {
    0.5
}
