//! Settings of the pass `Gptq`.

use olive_kit_solve::Grid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Codes, Data, Method, Quantizer, Selection};
use crate::{known, offers};

/// Settings of the `Gptq` pass: round weights input by input, the rest making up for the error.
///
/// Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
/// Transformers" (2023). Calibrates layer by layer on data, with the error of earlier layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_gptq(),
    "x-olive-unavailable" = known::unavailable_in_gptq(),
    "x-olive-advice" = offers::advice(),
    "x-olive-adapter" = "refuses",
    "x-olive-quality-help" = offers::CALIBRATED_HELP,
    "x-olive-shortcuts" = offers::calibrated("gptq", &[2, 3, 4, 8])
))]
pub struct GptqConfig {
    /// Which matrices, on which grids.
    #[serde(flatten)]
    pub selection: Selection,
    /// What is written of them.
    #[serde(flatten)]
    pub codes: Codes,
    /// What the model reads.
    #[serde(flatten)]
    pub data: Data,
    /// Share of the mean diagonal of a layer's Hessian that is added to it.
    ///
    /// Ten times as much, and so on, where it is singular all the same; the log says so.
    #[serde(default = "damp_percent")]
    #[schemars(extend(
        "exclusiveMinimum" = 0,
        "exclusiveMaximum" = 1,
        "x-olive-search" = [0.001, 0.01, 0.1]
    ))]
    pub damp_percent: f64,
    /// Take the inputs that count most first (act-order); `null`: where groups stay neighbors.
    ///
    /// They do with `static_groups` and where groups are rows. Else only GPTQ's layouts can say which
    /// group an input is of.
    #[serde(default)]
    pub desc_act: Option<bool>,
    /// Find grids before any weight is changed; `null` does so unless `desc_act` is written.
    ///
    /// With `desc_act` groups then stay neighbors, which every layout has a place for.
    #[serde(default)]
    pub static_groups: Option<bool>,
    /// Let linear layers see the error of those before them in the same layer too.
    ///
    /// Without it, all of a layer are given what the unquantized layer makes, as Olive's `Gptq` does.
    #[serde(default = "yes")]
    pub true_sequential: bool,
}

impl Quantizer for GptqConfig {
    const NAME: &'static str = "Gptq";
    const SUMMARY: &'static str = "Quantize the weights of a checkpoint by GPTQ, on data.";

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn codes(&self) -> Option<&Codes> {
        Some(&self.codes)
    }

    fn data(&self) -> Option<&Data> {
        Some(&self.data)
    }

    fn method(&self) -> Method<'_> {
        Method::Gptq(self)
    }
}

impl GptqConfig {
    /// Whether the grids of groups are found before any weight is changed.
    pub(crate) fn is_static(&self) -> bool {
        self.static_groups.unwrap_or(self.desc_act.is_none())
    }

    /// Whether inputs are taken in another order than they stand, on a grid.
    pub(crate) fn is_ordered(&self, grid: Grid) -> bool {
        self.desc_act.unwrap_or(self.is_static() || grid.group_size.is_none())
    }

    /// Whether groups are of inputs here and there, on a grid.
    pub(crate) fn scatters(&self, grid: Grid) -> bool {
        self.is_ordered(grid) && !self.is_static() && grid.group_size.is_some()
    }
}

const fn damp_percent() -> f64 {
    0.01
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stay_neighbors_unless_the_settings_scatter_them() {
        check("{}", true, true, false);
        check(r#"{"desc_act": false}"#, false, false, false);
        check(r#"{"desc_act": true}"#, false, true, true);
        check(r#"{"static_groups": false}"#, false, false, false);
        check(r#"{"static_groups": true, "desc_act": true}"#, true, true, false);
        check(r#"{"static_groups": true, "desc_act": false}"#, true, false, false);
    }

    #[test]
    fn groups_that_are_rows_are_taken_by_activation() {
        let rows = Grid { bits: 4, group_size: None, is_symmetric: false };
        let config = parse(r#"{"static_groups": false}"#);
        assert!(config.is_ordered(rows) && !config.scatters(rows));
    }

    #[track_caller]
    fn check(settings: &str, is_static: bool, is_ordered: bool, scatters: bool) {
        let grid = Grid { bits: 4, group_size: Some(32), is_symmetric: false };
        let config = parse(settings);
        let found = (config.is_static(), config.is_ordered(grid), config.scatters(grid));
        assert_eq!(found, (is_static, is_ordered, scatters), "{settings}");
    }

    fn parse(settings: &str) -> GptqConfig {
        serde_json::from_str(settings).unwrap()
    }
}
