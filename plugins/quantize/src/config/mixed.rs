//! Settings of the pass `SelectiveMixedPrecision`.

use olive_plugin_api::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::Data;
use super::values::{Bits, GroupSize};
use crate::known;

/// Settings of the `SelectiveMixedPrecision` pass: choose the layers that get more bits.
///
/// Weights stay as they are. The choice goes along with the model as its attribute
/// `mixed_precision_info`, whose bits, groups and symmetry go before those of a quantizer after it;
/// only the `overrides` of that one go before the choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ignored" = known::of_mixed_precision(),
    "x-olive-adapter" = "refuses"
))]
pub struct SelectiveMixedPrecisionConfig {
    /// How layers are chosen: by their place, or by what rounding costs their weights.
    ///
    /// `high_precision_lm_head` chooses the layer of logits, `high_precision_mlp_down` also the down
    /// projections of the first and last eighth of layers and of every third between,
    /// `high_precision_mlp_down_qkv` query, key and value of these too; `k_quant_last`,
    /// `k_quant_down` and `k_quant_mixed` are their old names. `snr` takes the least ratio of signal
    /// to noise, `iqe` the largest mean square error of a row; `_relative` compares it with that in
    /// `high_bits`. `output_error` takes the largest error of outputs for calibration data;
    /// `kld_gradient` the largest fall a weight, in first order, of the divergence of next tokens.
    pub algorithm: Algorithm,
    /// Bits of a weight that is not chosen.
    #[serde(default)]
    pub bits: Bits,
    /// Neighboring weights of a row that share a scale, for a choice by cost; `null` is 128.
    #[serde(default)]
    pub group_size: Option<GroupSize>,
    /// Keep zero in the middle of the grid, for a choice by cost.
    #[serde(default)]
    pub sym: bool,
    /// Bits of a weight that is chosen.
    #[serde(default = "high_bits")]
    pub high_bits: Bits,
    /// `group_size` of layers that are chosen, for a choice by cost; `null` is `group_size`.
    #[serde(default)]
    pub high_group_size: Option<GroupSize>,
    /// `sym` of layers that are chosen, for a choice by cost; `null` is `sym`.
    #[serde(default)]
    pub high_sym: Option<bool>,
    /// Share of weights that keep `bits`, for a choice by cost.
    ///
    /// Such a choice needs one of `ratio`, `max_size` and `bits_per_weight`.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub ratio: Option<f64>,
    /// What codes of linear layers may take, for a choice by cost: bytes, or `86 MiB`.
    ///
    /// Counted are codes, scales of 16 bits and zero points, those of the layer of logits too, once
    /// where it shares them with the embedding; not norms, biases and an embedding of its own.
    #[serde(default)]
    pub max_size: Option<Size>,
    /// The same as bits a weight, such as 4.5, for a choice by cost.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub bits_per_weight: Option<f64>,
    /// What the model reads, for `output_error` and `kld_gradient`.
    #[serde(flatten)]
    pub data: Data,
}

/// How layers are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(with = "String", extend("enum" = [
    "high_precision_lm_head",
    "high_precision_mlp_down",
    "high_precision_mlp_down_qkv",
    "snr",
    "snr_relative",
    "iqe",
    "iqe_relative",
    "output_error",
    "kld_gradient",
    "k_quant_last",
    "k_quant_down",
    "k_quant_mixed",
]))]
pub enum Algorithm {
    /// The layer of logits.
    #[serde(alias = "k_quant_last")]
    HighPrecisionLmHead,
    /// That one and some down projections.
    #[serde(alias = "k_quant_down")]
    HighPrecisionMlpDown,
    /// Those and query, key and value of the same layers.
    #[serde(alias = "k_quant_mixed")]
    HighPrecisionMlpDownQkv,
    /// Least ratio of signal to noise.
    Snr,
    /// Least gain of it in high bits.
    SnrRelative,
    /// Largest mean square error of a row.
    Iqe,
    /// The same relative to that in high bits.
    IqeRelative,
    /// Largest gain in the error of outputs.
    OutputError,
    /// Largest gain in the divergence of logits.
    KldGradient,
}

impl Algorithm {
    /// Whether it looks at the places of layers, not at their weights.
    pub const fn is_by_place(self) -> bool {
        match self {
            Self::HighPrecisionLmHead
            | Self::HighPrecisionMlpDown
            | Self::HighPrecisionMlpDownQkv => true,
            Self::Snr
            | Self::SnrRelative
            | Self::Iqe
            | Self::IqeRelative
            | Self::OutputError
            | Self::KldGradient => false,
        }
    }

    /// Whether the model reads calibration data for it.
    pub fn reads_data(self) -> bool {
        matches!(self, Self::OutputError | Self::KldGradient)
    }
}

const fn high_bits() -> Bits {
    Bits::Eight
}
