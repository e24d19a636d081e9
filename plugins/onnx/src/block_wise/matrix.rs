//! Matrices for `MatMulNBits`.

use std::collections::BTreeSet;

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::{Model, Node};
use olive_kit_quant::{Rounding, ScaleType};

use super::Plan;
use super::weight::{Layout, Weight, scale_type, size};
use crate::error::RewriteError;
use crate::numbers::dtype;

/// The product `node` with packed weights, which are added to `model`; `None` when it has no
/// constant float matrix.
///
/// `made` holds names of weights that other nodes have asked for.
pub(super) fn quantized(
    node: &NodeProto,
    model: &mut Model,
    plan: Plan,
    made: &mut BTreeSet<String>,
) -> Result<Option<NodeProto>, RewriteError> {
    let name = node.input_at(1);
    let Some(matrix) = model.weight(name).filter(|matrix| matrix.dims.len() == 2).cloned() else {
        return Ok(None);
    };
    let Some(scale_type) = scale_type(dtype(&matrix)) else { return Ok(None) };
    if scale_type == ScaleType::Bf16 && plan.rounding == Rounding::KQuant {
        let problem = format!("the matrix `{name}` is of bfloat16, which k-quants are not made of");
        return Err(RewriteError::Unfit { edit: "OnnxKQuantQuantization", problem });
    }
    let bits = plan.format.bits.count();
    let names = [format!("{name}_Q{bits}"), format!("{name}_scales"), format!("{name}_zero_point")];
    let has_zero_points = plan.rounding == Rounding::KQuant || !plan.format.is_symmetric;
    let count = if has_zero_points { 3 } else { 2 };
    let [k, n] = [matrix.dims[0], matrix.dims[1]];
    if made.insert(names[0].clone()) {
        let [k, n] = [k, n].map(|side| usize::try_from(side).unwrap_or(0));
        let (tensor, data, layout) = (matrix, model.data().clone(), Layout::Matrix(plan.rounding));
        Weight { tensor, data, n, k, format: plan.format, layout }.add_to(model, &names[..count]);
    }
    let quantized = Node::new("MatMulNBits", labeled(node.name(), bits)).domain(Node::MICROSOFT);
    let inputs = [&[node.input_at(0).to_owned()], &names[..count]].concat();
    let mut quantized = quantized.inputs(inputs).outputs(node.output.iter().cloned());
    let (bits, block_size) = (size(bits), size(plan.format.block_size));
    for (name, value) in [("K", k), ("N", n), ("bits", bits), ("block_size", block_size)] {
        quantized = quantized.attribute(name, value);
    }
    if plan.accuracy_level > 0 {
        quantized = quantized.attribute("accuracy_level", i64::from(plan.accuracy_level));
    }
    Ok(Some(quantized.into_proto()))
}

/// Name of the node with its bits.
pub(super) fn labeled(name: &str, bits: usize) -> String {
    if name.is_empty() { String::new() } else { format!("{name}_Q{bits}") }
}
