//! The pass `OnnxBlockWiseRtnQuantization`: round to nearest, as ONNX Runtime does.
//!
//! Outputs of the graph keep their names, which Olive changes.

use std::collections::BTreeSet;

use olive_kit_onnx::{Model as Graph, Node, drop_unused_weights};
use olive_kit_quant::{BlockFormat, Rounding};
use olive_plugin_api::{LogLevel, Model, ModelKind, Pass, PluginError, StepContext};
use serde_json::{Value, json};

use super::{Bits, Plan, matrix, table};
use crate::error::RewriteError;
use crate::rewrite::rewrite;

/// Rounds weights to few bits, each block of neighbors with a scale of its own.
#[derive(Debug, Default)]
pub struct OnnxBlockWiseRtnQuantization;

settings_with_external_data! {
    /// Settings of the `OnnxBlockWiseRtnQuantization` pass: weights rounded to few bits.
    #[schemars(extend("x-olive-ignored" = ignored()))]
    pub struct OnnxBlockWiseRtnQuantizationConfig {
        /// Bits of a weight.
        #[serde(default = "four")]
        pub bits: Bits,
        /// Neighboring weights that share a scale.
        #[serde(default = "block_size")]
        #[schemars(extend("enum" = [16, 32, 64, 128, 256]))]
        pub block_size: usize,
        /// Whether the grid is symmetric, so that no zero points are stored.
        #[serde(default = "crate::external_data::yes")]
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
        let mut count = 0;
        let model = rewrite(input, &config.policy(), ctx, |model| {
            count = quantize(model, config)?;
            Ok(())
        })?;
        if count == 0 {
            ctx.log(LogLevel::Warning, "no node with a constant float matrix was found");
        }
        Ok(model)
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
    let mut made = BTreeSet::new();
    let mut count = 0;
    for index in 0..model.graph.node.len() {
        let node = model.graph.node[index].clone();
        let is_listed = includes_all || has(&config.nodes_to_include, node.name());
        if !is_listed || has(&config.nodes_to_exclude, node.name()) {
            continue;
        }
        let quantized = match node.op_type() {
            "MatMul" => matrix::quantized(&node, model, plan, &mut made)?,
            "Gather" => table::quantized(&node, model, format, &mut made),
            _ => None,
        };
        if let Some(quantized) = quantized {
            model.graph.node[index] = quantized;
            count += 1;
        }
    }
    drop_unused_weights(&mut model.graph);
    if count > 0 && model.opset(Node::MICROSOFT).is_none() {
        model.header.set_opset(Node::MICROSOFT, 1);
    }
    Ok(count)
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
