//! What the passes do for commands that write their own config, and what they advise.

use olive_plugin_api::{Advice, Offer, Shortcut};
use serde_json::{Value, json};

/// What to try when rounding by weights alone costs quality.
pub(crate) const WEIGHTS_HELP: &str = "try `Gptq` with the data that the model was tuned on, \
    `\"group_size\": 32`, or 8 bits for some layers in `overrides`";
/// What to try when a calibrated quantizer costs quality.
pub(crate) const CALIBRATED_HELP: &str = "try `\"sym\": false`, `\"group_size\": 32`, calibration \
    data like those that are measured on, or 8 bits for some layers in `overrides`";

/// Offers of a pass that needs no data.
///
/// Passes on graphs and `ModelBuilder` have the same algorithms: `checkpoint` tells these apart.
pub(crate) fn of_checkpoints(method: &str) -> Vec<Offer> {
    offers(method, &[4, 8]).into_iter().map(|offer| offer.implementation("checkpoint")).collect()
}

/// Offers of a pass that calibrates.
pub(crate) fn calibrated(method: &str, widths: &[u8]) -> Vec<Offer> {
    offers(method, widths).into_iter().map(|offer| offer.implementation("olive")).collect()
}

/// What will surprise.
pub(crate) fn advice() -> Vec<Advice> {
    let no_kernel = |at: &str, value: &str, condition: Value| {
        let message = format!(
            "{value} are read by other programs only: no pass or evaluator here takes the result"
        );
        Advice::new("not-read-here", at, message).when(condition)
    };
    let narrow = json!({"properties": {"bits": {"enum": [2, 3]}}, "required": ["bits"]});
    let rows = json!({"properties": {"group_size": {"const": -1}}, "required": ["group_size"]});
    vec![
        no_kernel("/bits", "codes of {/bits} bits", narrow).with_help("write 4 or 8"),
        no_kernel("/group_size", "groups of whole rows", rows).with_help("write 32, 64 or 128"),
    ]
}

fn offers(method: &str, widths: &[u8]) -> Vec<Offer> {
    let offer = |bits: &u8| {
        let offer = Offer::new(Shortcut::Quantize).by(method).precision(&format!("int{bits}"));
        offer.with(json!({ "bits": bits }))
    };
    widths.iter().map(offer).collect()
}
