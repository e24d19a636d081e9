//! The pass `OnnxKQuantQuantization`: for each block the grid of least weighted error.

use indexmap::IndexMap;
use olive_kit_onnx::Model as Graph;
use olive_kit_quant::{BlockFormat, Rounding};
use olive_plugin_api::{Model, ModelKind, Pass, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bits, NONE_FOUND, Plan, matrix, offers, quantize_nodes};
use crate::error::RewriteError;
use crate::rewrite::rewrite_places;

/// Quantizes weights, with the grid of least weighted error for each block of neighbors.
#[derive(Debug, Default)]
pub struct OnnxKQuantQuantization;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `OnnxKQuantQuantization` pass: weights in few bits, by k-quants.
    #[schemars(extend("x-olive-shortcuts" = offers("kquant", &[16, 32, 64, 128])))]
    pub struct OnnxKQuantQuantizationConfig {
        /// Bits of a weight.
        #[serde(default = "four")]
        pub bits: Bits,
        /// Neighboring weights that share a scale and a zero point.
        #[serde(default = "block_size")]
        #[schemars(extend(
            "enum" = [16, 32, 64, 128, 256],
            "x-olive-search" = [16, 32, 64, 128]
        ))]
        pub block_size: usize,
        /// Least exact arithmetic the kernels may use; 0 leaves it to them.
        ///
        /// 1 is 32-bit float, 2 is 16-bit float, 3 is bfloat16, 4 is 8-bit integers.
        #[serde(default)]
        #[schemars(range(min = 0, max = 4))]
        pub accuracy_level: u8,
        /// Other bits or block sizes for nodes, by their names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub customized_weight_config: Option<IndexMap<String, NodeFormat>>,
        /// Names of nodes whose weights stay as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub nodes_to_exclude: Option<Vec<String>>,
    }
}

/// How the weight of one node is quantized; what is left out is as for all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NodeFormat {
    /// Bits of a weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<Bits>,
    /// Neighboring weights that share a scale and a zero point.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [16, 32, 64, 128, 256, null]))]
    pub group_size: Option<usize>,
}

impl Pass for OnnxKQuantQuantization {
    type Config = OnnxKQuantQuantizationConfig;

    const NAME: &'static str = "OnnxKQuantQuantization";
    const SUMMARY: &'static str = "Quantize weights of an ONNX graph to 4 or 8 bits by k-quants.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn run(
        &self,
        input: &Model,
        config: &OnnxKQuantQuantizationConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        Ok(rewrite_places(input, &config.policy(), ctx, NONE_FOUND, |model| {
            quantize(model, config)
        })?)
    }
}

/// Quantizes each weight that can be, and says how many nodes there were.
fn quantize(
    model: &mut Graph,
    config: &OnnxKQuantQuantizationConfig,
) -> Result<usize, RewriteError> {
    let excluded = config.nodes_to_exclude.as_deref().unwrap_or_default();
    let customized = config.customized_weight_config.as_ref();
    quantize_nodes(model, |node, model, made| {
        if !node.is("MatMul") || excluded.iter().any(|name| name == node.name()) {
            return Ok(None);
        }
        let custom = customized.and_then(|nodes| nodes.get(node.name()));
        let custom = custom.cloned().unwrap_or_default();
        let format = BlockFormat {
            bits: custom.bits.unwrap_or(config.bits).into(),
            block_size: custom.group_size.unwrap_or(config.block_size),
            is_symmetric: false,
        };
        let accuracy_level = config.accuracy_level;
        let plan = Plan { format, rounding: Rounding::KQuant, accuracy_level };
        matrix::quantized(node, model, plan, made)
    })
}

const fn four() -> Bits {
    Bits::Four
}

const fn block_size() -> usize {
    32
}
