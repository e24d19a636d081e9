//! Settings that several passes have.

use std::collections::BTreeMap;

use olive_kit_solve::Grid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{Bits, CheckpointFormat, GroupSize};

/// Which matrices are quantized, on which grids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    /// Bits of a weight.
    ///
    /// Codes of 2 and 3 bits are written in GPTQ's layout (2 in Olive's too) for other programs: no
    /// pass or evaluator here reads them.
    #[serde(default)]
    #[schemars(extend("x-olive-renamed-from" = ["w_bit"], "x-olive-search" = [4, 8]))]
    pub bits: Bits,
    /// Neighboring weights of a row that share a scale; -1 is a whole row, `null` the usual.
    ///
    /// That is 32 for `KQuant` and 128 for the others. It must divide the inputs of every layer that
    /// is quantized. Whole rows are read by other programs only.
    #[serde(default)]
    #[schemars(extend(
        "x-olive-renamed-from" = ["q_group_size"],
        "x-olive-search" = [32, 64, 128]
    ))]
    pub group_size: Option<GroupSize>,
    /// Keep zero in the middle of the grid, so that no zero points are needed.
    #[serde(default)]
    #[schemars(extend("x-olive-search" = [false, true]))]
    pub sym: bool,
    /// Quantize the layer that makes logits too.
    ///
    /// Where it shares its weight with the embedding, it gets codes of its own unless `embeds` has
    /// both share them.
    #[serde(default)]
    #[schemars(extend("x-olive-search" = [false, true]))]
    pub lm_head: bool,
    /// Linear layers that stay in floats: part of their path, or `re:` and an expression for it.
    #[serde(default)]
    pub modules_to_not_convert: Option<Vec<String>>,
    /// Other grids for some linear layers, by path or by `re:` and an expression for it.
    ///
    /// Of several that fit, a path goes before expressions, and an earlier expression before a later.
    #[serde(default)]
    pub overrides: Option<BTreeMap<String, Override>>,
}

/// What is other of one linear layer; what is left out is as for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Override {
    /// Bits of a weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<Bits>,
    /// Keep zero in the middle of the grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-renamed-from" = ["sym"]))]
    pub symmetric: Option<bool>,
    /// Neighboring weights of a row that share a scale; -1 is a whole row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_size: Option<GroupSize>,
}

impl Override {
    /// A grid with what is other of it.
    pub(crate) fn over(self, usual: Grid) -> Grid {
        Grid {
            bits: self.bits.map_or(usual.bits, Bits::count),
            group_size: self.group_size.map_or(usual.group_size, GroupSize::inputs),
            is_symmetric: self.symmetric.unwrap_or(usual.is_symmetric),
        }
    }
}

/// What is written of the matrices.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Codes {
    /// Quantize the embedding too, each weight to the nearest step (`KQuant`: by k-quants).
    ///
    /// A layer of logits that shares its weight shares the codes, which `Gptq` then solves for the
    /// logits. Only Olive's layout has a place for them.
    #[serde(default)]
    #[schemars(extend("x-olive-search" = [false, true]))]
    pub embeds: bool,
    /// Layout of the codes, by its reader; `null` is `olive` with `embeds`, else the pass's.
    ///
    /// That is `gptq` for symmetric grids and `gptq_v2` for others, since the first has no place for
    /// a zero point of 0; `awq` for `Awq` in 4 bits. `olive` is read by Olive and ONNX Runtime GenAI,
    /// the others by Transformers, and all by `ModelBuilder`.
    #[serde(default)]
    pub checkpoint_format: Option<CheckpointFormat>,
}

/// What the model reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Data {
    /// Name of the data config to calibrate on: best what the model was tuned on.
    ///
    /// Its `max_seq_len` is the length of a sample in tokens. Nothing is downloaded in its place.
    #[serde(default)]
    #[schemars(extend("x-olive-reference" = "data_config"))]
    pub data_config: Option<String>,
    /// Samples to calibrate on at most, drawn from those of the data config; `null` is 128.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub nsamples: Option<usize>,
    /// Seed of the draw, where there are more samples.
    #[serde(default)]
    pub seed: u64,
}
