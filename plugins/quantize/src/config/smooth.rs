//! Settings of the pass `SmoothQuant`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Bits, Codes, Data, GroupSize, Method, Quantizer, Selection};
use crate::known;

/// Settings of the `SmoothQuant` pass: make inputs even, so that 8 bits hold them.
///
/// Xiao et al., "`SmoothQuant`: Accurate and Efficient Post-Training Quantization for Large Language
/// Models" (2022). Each input of a linear layer is divided by a scale and its weights multiplied
/// with it; scales are folded into the norm or layer that makes the inputs, so the model computes as
/// before, in floats. A quantizer of weights and activations comes after `ModelBuilder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_smoothing(),
    "x-olive-unavailable" = known::unavailable_in_smoothing(),
    "x-olive-adapter" = "refuses"
))]
pub struct SmoothQuantConfig {
    /// Exponent of the largest input, 0 to 1; `auto` takes the best of tenths for each site.
    ///
    /// The scale of an input is `max|x|^alpha / max|w|^(1 - alpha)`: more than 0.5 moves more into
    /// the weights, which helps where inputs stand out most. `auto` rounds inputs and weights to 8
    /// bits and compares outputs; it leaves a site alone where no scales help.
    #[serde(default)]
    #[schemars(extend("x-olive-search" = [0.25, 0.5, 0.75]))]
    pub alpha: Alpha,
    /// What the model reads.
    #[serde(flatten)]
    pub data: Data,
}

/// How much of what is hard to round is moved from inputs into weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Value", into = "Value")]
#[schemars(with = "Value", extend("anyOf" = [
    {"type": "number", "minimum": 0, "maximum": 1},
    {"type": "string", "const": "auto"}
]))]
pub enum Alpha {
    /// The same everywhere, from 0 to 1.
    Exponent(f64),
    /// The best for each site.
    Auto,
}

impl Default for Alpha {
    fn default() -> Self {
        Self::Exponent(0.5)
    }
}

impl TryFrom<Value> for Alpha {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value.as_f64() {
            Some(alpha) if (0.0..=1.0).contains(&alpha) => Ok(Self::Exponent(alpha)),
            None if value == "auto" => Ok(Self::Auto),
            Some(_) | None => {
                Err(format!("`alpha` is {value}, which is neither a number from 0 to 1 nor `auto`"))
            }
        }
    }
}

impl From<Alpha> for Value {
    fn from(alpha: Alpha) -> Self {
        match alpha {
            Alpha::Exponent(alpha) => json!(alpha),
            Alpha::Auto => json!("auto"),
        }
    }
}

/// Every linear layer of a layer, on the grid that errors are told for.
static ALL: Selection = Selection {
    bits: Bits::Eight,
    group_size: Some(GroupSize::Row),
    sym: true,
    lm_head: false,
    modules_to_not_convert: None,
    overrides: None,
};

impl Quantizer for SmoothQuantConfig {
    const NAME: &'static str = "SmoothQuant";
    const SUMMARY: &'static str =
        "Move what is hard to round in activations into the weights of a checkpoint, on data.";

    fn selection(&self) -> &Selection {
        &ALL
    }

    fn codes(&self) -> Option<&Codes> {
        None
    }

    fn data(&self) -> Option<&Data> {
        Some(&self.data)
    }

    fn method(&self) -> Method<'_> {
        Method::Smooth(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_is_a_number_or_a_word() {
        let of = |alpha: Value| serde_json::from_value::<Alpha>(alpha);
        assert_eq!(of(json!(0)).unwrap(), Alpha::Exponent(0.0));
        assert_eq!(of(json!(0.75)).unwrap(), Alpha::Exponent(0.75));
        assert_eq!(of(json!("auto")).unwrap(), Alpha::Auto);
        for wrong in [json!(1.5), json!(-0.1), json!("half"), json!(null)] {
            let error = of(wrong.clone()).unwrap_err().to_string();
            let message = "which is neither a number from 0 to 1 nor `auto`";
            assert_eq!(error, format!("`alpha` is {wrong}, {message}"));
        }
        for alpha in [Alpha::default(), Alpha::Auto] {
            assert_eq!(of(serde_json::to_value(alpha).unwrap()).unwrap(), alpha);
        }
    }
}
