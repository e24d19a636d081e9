//! Settings of the passes `Rtn` and `KQuant`, which look at weights only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Codes, Method, Quantizer, Selection};
use crate::{known, offers};

/// Settings of the `Rtn` pass: round each weight to the nearest step of its group.
///
/// Needs no data and little time. A grid spans the weights of its group and zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_weights(),
    "x-olive-unavailable" = known::unavailable(),
    "x-olive-advice" = offers::advice(),
    "x-olive-adapter" = "refuses",
    "x-olive-quality-help" = offers::WEIGHTS_HELP,
    "x-olive-shortcuts" = offers::of_checkpoints("rtn")
))]
pub struct RtnConfig {
    /// Which matrices, on which grids.
    #[serde(flatten)]
    pub selection: Selection,
    /// What is written of them.
    #[serde(flatten)]
    pub codes: Codes,
}

/// Settings of the `KQuant` pass: find for each group the grid of least weighted error.
///
/// As llama.cpp's k-quants do: of 21 grids, fitted by least squares with weights that count the more
/// the larger they are. Needs no data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_weights(),
    "x-olive-unavailable" = known::unavailable(),
    "x-olive-advice" = offers::advice(),
    "x-olive-adapter" = "refuses",
    "x-olive-quality-help" = offers::WEIGHTS_HELP,
    "x-olive-shortcuts" = offers::of_checkpoints("kquant")
))]
pub struct KQuantConfig {
    /// Which matrices, on which grids.
    #[serde(flatten)]
    pub selection: Selection,
    /// What is written of them.
    #[serde(flatten)]
    pub codes: Codes,
}

impl Quantizer for RtnConfig {
    const NAME: &'static str = "Rtn";
    const SUMMARY: &'static str = "Round the weights of a checkpoint to the nearest steps.";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn codes(&self) -> Option<&Codes> {
        Some(&self.codes)
    }

    fn method(&self) -> Method<'_> {
        Method::Nearest
    }
}

impl Quantizer for KQuantConfig {
    const NAME: &'static str = "KQuant";
    const SUMMARY: &'static str = "Quantize the weights of a checkpoint by k-quants.";
    const GROUP_SIZE: usize = 32;

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn codes(&self) -> Option<&Codes> {
        Some(&self.codes)
    }

    fn method(&self) -> Method<'_> {
        Method::KQuant
    }
}
