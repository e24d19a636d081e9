//! Settings of the pass `Awq`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Codes, Data, Method, Quantizer, Selection};
use crate::{known, offers};

/// Settings of the `Awq` pass: make inputs that count wider, narrow ranges, round to nearest.
///
/// Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration"
/// (2024). Scales are folded into the norm or layer that makes the inputs, so the model computes as
/// before. Calibrates layer by layer on data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_awq(),
    "x-olive-unavailable" = known::unavailable_in_awq(),
    "x-olive-advice" = offers::advice(),
    "x-olive-adapter" = "refuses",
    "x-olive-quality-help" = offers::CALIBRATED_HELP,
    "x-olive-shortcuts" = offers::calibrated("awq", &[4, 8])
))]
pub struct AwqConfig {
    /// Which matrices, on which grids.
    #[serde(flatten)]
    pub selection: Selection,
    /// What is written of them.
    #[serde(flatten)]
    pub codes: Codes,
    /// What the model reads.
    #[serde(flatten)]
    pub data: Data,
    /// Whether grids have zero points: `sym` the other way round, as `AutoAWQ` calls it.
    #[serde(default)]
    pub zero_point: Option<bool>,
    /// Choose scales by weights and inputs; without it by inputs alone.
    #[serde(default = "yes")]
    pub duo_scaling: bool,
    /// Narrow the ranges of groups where that lowers the error; query and key are left alone.
    #[serde(default = "yes")]
    pub apply_clip: bool,
    /// Exponents, and ranges, that are tried.
    #[serde(default = "n_grid")]
    #[schemars(range(min = 1, max = 200))]
    pub n_grid: usize,
    /// Scale and narrow weights, and leave them in floats for another quantizer.
    #[serde(default)]
    pub export_compatible: bool,
}

impl Quantizer for AwqConfig {
    const NAME: &'static str = "Awq";
    const SUMMARY: &'static str = "Quantize the weights of a checkpoint by AWQ, on data.";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn codes(&self) -> Option<&Codes> {
        (!self.export_compatible).then_some(&self.codes)
    }

    fn data(&self) -> Option<&Data> {
        Some(&self.data)
    }

    fn method(&self) -> Method<'_> {
        Method::Awq(self)
    }
}

const fn yes() -> bool {
    true
}

const fn n_grid() -> usize {
    20
}
