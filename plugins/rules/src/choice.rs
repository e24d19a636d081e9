//! How many bits `SelectiveMixedPrecision` lets a quantizer after it give, as far as sizes follow.

use olive_validator_api::{PlannedStep, integer, number, switch, text};
use serde_json::Value;

use crate::shape::{Shape, size};

/// Share of layers that are chosen by place: an eighth at either end and every third between.
const BY_PLACE: f64 = 0.5;

/// Inputs of a group where a choice by cost does not say.
const GROUP: i64 = 128;

/// Bits of the scale of a group.
const SCALE: f64 = 16.0;

/// Grids that go before the settings of a quantizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice {
    /// Bits of a weight that is not chosen, and of one that is.
    pub(crate) bits: [f64; 2],
    /// Bits of a weight inside the layers, on average.
    pub(crate) of_layers: f64,
    /// The same of the layer of logits, and of an embedding that is its weight.
    pub(crate) of_logits: f64,
    /// Inputs of a group, -1 for a row; `None` where the quantizer says it.
    pub(crate) group: Option<i64>,
    /// Whether there are no zero points; `None` where the quantizer says it.
    pub(crate) is_symmetric: Option<bool>,
}

impl Choice {
    /// What a step chooses of a model.
    pub(crate) fn of(step: &PlannedStep, shape: &Shape) -> Self {
        let algorithm = text(&step.config, "algorithm").unwrap_or_default();
        let bits = ["bits", "high_bits"].map(|key| integer(&step.config, key));
        let bits = [bits[0].unwrap_or(4) as f64, bits[1].unwrap_or(8) as f64];
        let [low, high] = bits;
        let Some(of_layers) = chosen_by_place(algorithm, shape) else {
            let mean = by_cost(step, shape, bits);
            let group = Some(integer(&step.config, "group_size").unwrap_or(GROUP));
            let is_symmetric = Some(switch(&step.config, "sym") == Some(true));
            return Self { bits, of_layers: mean, of_logits: mean, group, is_symmetric };
        };
        let of_layers = low + (high - low) * of_layers;
        Self { bits, of_layers, of_logits: high, group: None, is_symmetric: None }
    }
}

/// Whether `algorithm` looks at the places of layers alone.
pub(crate) fn is_by_place(algorithm: &str) -> bool {
    algorithm.starts_with("high_precision_") || algorithm.starts_with("k_quant_")
}

/// Share of the weights inside layers that are chosen, where their places tell.
fn chosen_by_place(algorithm: &str, shape: &Shape) -> Option<f64> {
    let [qkv, _, _, down] = shape.sites().map(|site| site.into_iter().map(size).sum::<f64>());
    let chosen = match algorithm {
        "high_precision_mlp_down" | "k_quant_down" => down,
        "high_precision_mlp_down_qkv" | "k_quant_mixed" => down + qkv,
        _ if is_by_place(algorithm) => 0.0,
        _ => return None,
    };
    Some(BY_PLACE * chosen / shape.layer().max(1.0))
}

/// Mean bits of a weight where a share of weights or a size ends the choice.
fn by_cost(step: &PlannedStep, shape: &Shape, [low, high]: [f64; 2]) -> f64 {
    let limit = step
        .config
        .get("max_size")
        .and_then(bytes)
        .map(|bytes| 8.0 * bytes / (shape.matrices() + shape.logits_matrix()).max(1.0));
    let Some(limit) = limit.or_else(|| number(&step.config, "bits_per_weight")) else {
        let share = number(&step.config, "ratio").unwrap_or(1.0).clamp(0.0, 1.0);
        return high + (low - high) * share;
    };
    let zero_point = if switch(&step.config, "sym") == Some(true) { 0.0 } else { low };
    let group = match integer(&step.config, "group_size").unwrap_or(GROUP) {
        -1 => shape.hidden,
        group => group as f64,
    };
    (limit - (SCALE + zero_point) / group.max(1.0)).clamp(low.min(high), high.max(low))
}

/// A size in bytes, as a number or such as `86 MiB`.
fn bytes(size: &Value) -> Option<f64> {
    let Some(text) = size.as_str().map(str::trim) else { return size.as_f64() };
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim().to_ascii_lowercase();
    let prefix = unit.trim_end_matches('b');
    let base = if prefix.ends_with('i') { 1024.0_f64 } else { 1000.0 };
    let power =
        ["", "k", "m", "g", "t"].iter().position(|it| *it == prefix.trim_end_matches('i'))?;
    Some(number.parse::<f64>().ok()? * base.powi(i32::try_from(power).ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::bytes;

    #[test]
    fn sizes_are_numbers_or_have_units() {
        for (size, expected) in [
            (json!(512), Some(512.0)),
            (json!("512"), Some(512.0)),
            (json!("86 MiB"), Some(90_177_536.0)),
            (json!("1.5g"), Some(1.5e9)),
            (json!("8 parsecs"), None),
        ] {
            assert_eq!(bytes(&size), expected, "{size}");
        }
    }
}
