//! The pass `OnnxBlockWiseRtnQuantization`: round to nearest, as ONNX Runtime does.
//!
//! Outputs of the graph keep their names, which Olive changes.

use olive_kit_onnx::Model as Graph;
use olive_kit_quant::{BlockFormat, Rounding};
use olive_plugin_api::{Model, ModelKind, Pass, PluginError, StepContext};
use serde_json::{Value, json};

use super::{Bits, NONE_FOUND, Plan, matrix, offers, quantize_nodes, table};
use crate::error::RewriteError;
use crate::rewrite::rewrite_places;

/// Rounds weights to few bits, each block of neighbors with a scale of its own.
#[derive(Debug, Default)]
pub struct OnnxBlockWiseRtnQuantization;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `OnnxBlockWiseRtnQuantization` pass: weights rounded to few bits.
    #[schemars(extend(
        "x-olive-ignored" = ignored(),
        "x-olive-shortcuts" = offers("rtn", &[32, 64, 128])
    ))]
    pub struct OnnxBlockWiseRtnQuantizationConfig {
        /// Bits of a weight.
        #[serde(default = "four")]
        pub bits: Bits,
        /// Neighboring weights that share a scale.
        #[serde(default = "block_size")]
        #[schemars(extend(
            "enum" = [16, 32, 64, 128, 256],
            "x-olive-search" = [32, 64, 128]
        ))]
        pub block_size: usize,
        /// Whether the grid is symmetric, so that no zero points are stored.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub is_symmetric: bool,
        /// Least exact arithmetic the kernels may use; 0 leaves it to them.
        ///
        /// 1 is 32-bit float, 2 is 16-bit float, 3 is bfloat16, 4 is 8-bit integers.
        #[serde(default)]
        #[schemars(range(min = 0, max = 4))]
        pub accuracy_level: u8,
        /// Names of nodes whose weights stay as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub nodes_to_exclude: Option<Vec<String>>,
        /// Names of the only nodes whose weights are quantized; all when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub nodes_to_include: Option<Vec<String>>,
    }
}

impl Pass for OnnxBlockWiseRtnQuantization {
    type Config = OnnxBlockWiseRtnQuantizationConfig;

    const NAME: &'static str = "OnnxBlockWiseRtnQuantization";
    const SUMMARY: &'static str = "Round weights of an ONNX graph to 4 or 8 bits in blocks.";
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
        config: &OnnxBlockWiseRtnQuantizationConfig,
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
    config: &OnnxBlockWiseRtnQuantizationConfig,
) -> Result<usize, RewriteError> {
    let has =
        |list: &Option<Vec<String>>, name: &str| list.iter().flatten().any(|listed| listed == name);
    let includes_all = config.nodes_to_include.as_ref().is_none_or(Vec::is_empty);
    let (bits, block_size) = (config.bits.into(), config.block_size);
    let format = BlockFormat { bits, block_size, is_symmetric: config.is_symmetric };
    let accuracy_level = config.accuracy_level;
    let plan = Plan { format, rounding: Rounding::Default, accuracy_level };
    quantize_nodes(model, |node, model, made| {
        let is_listed = includes_all || has(&config.nodes_to_include, node.name());
        if !is_listed || has(&config.nodes_to_exclude, node.name()) {
            return Ok(None);
        }
        match node.op_type() {
            "MatMul" => matrix::quantized(node, model, plan, made),
            "Gather" => Ok(table::quantized(node, model, format, made)),
            _ => Ok(None),
        }
    })
}

fn ignored() -> Value {
    let reason = "blocks lie along the inner axis, the only one that ONNX Runtime reads";
    json!({"axis": {"reason": reason, "harmless": true}})
}

const fn four() -> Bits {
    Bits::Four
}

const fn block_size() -> usize {
    128
}
