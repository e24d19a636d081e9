//! The passes `OnnxBlockWiseRtnQuantization` and `OnnxKQuantQuantization`: weights in few bits.
//!
//! In and out: a folder with an ONNX model. Constant matrices of `MatMul` become those of
//! `MatMulNBits`, tables of `Gather` those of `GatherBlockQuantized`. Weights are quantized while
//! they are written; memory is one of them, and its codes.

mod k_quant;
mod matrix;
mod rtn;
mod table;
mod weight;

pub use k_quant::{NodeFormat, OnnxKQuantQuantization, OnnxKQuantQuantizationConfig};
pub use rtn::{OnnxBlockWiseRtnQuantization, OnnxBlockWiseRtnQuantizationConfig};

use std::collections::BTreeSet;

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::{Model as Graph, Node, drop_unused_weights};
use olive_kit_quant::{BlockFormat, Rounding};
use olive_plugin_api::{Offer, Shortcut};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::RewriteError;

/// Width of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8", extend("enum" = [4, 8]))]
pub enum Bits {
    /// 16 steps, two codes a byte.
    Four,
    /// 256 steps.
    Eight,
}

impl Bits {
    pub(crate) const fn count(self) -> u8 {
        match self {
            Self::Four => 4,
            Self::Eight => 8,
        }
    }
}

impl TryFrom<u8> for Bits {
    type Error = String;

    fn try_from(bits: u8) -> Result<Self, String> {
        match bits {
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            other => Err(format!("weights of {other} bits are not written; 4 and 8 are")),
        }
    }
}

impl From<Bits> for u8 {
    fn from(bits: Bits) -> Self {
        bits.count()
    }
}

impl From<Bits> for olive_kit_quant::Bits {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::Four => Self::Four,
            Bits::Eight => Self::Eight,
        }
    }
}

/// What a pass with `bits` and `block_size` does for commands that write their own config.
fn offers(method: &str, block_sizes: &[usize]) -> Vec<Offer> {
    let widths = [(4, "int4"), (8, "int8")];
    let quantize = widths.map(|(bits, precision)| {
        let offer = Offer::new(Shortcut::Quantize).by(method).precision(precision);
        offer.implementation("olive").with(json!({ "bits": bits }))
    });
    let optimize = widths.map(|(bits, precision)| {
        let offer = Offer::new(Shortcut::Optimize).by(method).precision(precision);
        let offer = offer.because("fewer bytes to read for each token");
        offer.with(json!({ "bits": bits })).searching(json!({ "block_size": block_sizes }))
    });
    quantize.into_iter().chain(optimize).collect()
}

/// What is told when there is nothing to quantize.
const NONE_FOUND: &str = "no node with a constant float matrix was found";

/// Puts what `quantize` gives for a node in its place, and says how often it gave one.
///
/// `quantize` adds the weights that it needs; the set has the names of those that are there already.
fn quantize_nodes(
    model: &mut Graph,
    mut quantize: impl FnMut(
        &NodeProto,
        &mut Graph,
        &mut BTreeSet<String>,
    ) -> Result<Option<NodeProto>, RewriteError>,
) -> Result<usize, RewriteError> {
    let mut made = BTreeSet::new();
    let mut count = 0;
    for index in 0..model.graph.node.len() {
        let node = model.graph.node[index].clone();
        if let Some(quantized) = quantize(&node, model, &mut made)? {
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

/// How one matrix is quantized.
#[derive(Debug, Clone, Copy)]
struct Plan {
    format: BlockFormat,
    rounding: Rounding,
    accuracy_level: u8,
}
