//! Tables for `GatherBlockQuantized`.

use std::collections::BTreeSet;

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Model, Node};
use olive_kit_quant::BlockFormat;

use super::matrix::labeled;
use super::weight::{Layout, Weight, size};
use crate::numbers::dtype;

/// The lookup `node` with a quantized table, which is added to `model`; `None` when it has no
/// constant table of 32-bit or 16-bit floats.
///
/// Blocks lie along the last axis. `made` holds names of weights that other nodes have asked for.
pub(super) fn quantized(
    node: &NodeProto,
    model: &mut Model,
    format: BlockFormat,
    made: &mut BTreeSet<String>,
) -> Option<NodeProto> {
    let name = node.input_at(0);
    let table = model.weight(name).filter(|table| table.dims.len() > 1).cloned()?;
    if !matches!(dtype(&table), DataType::Float | DataType::Float16) {
        return None;
    }
    let bits = format.bits.count();
    let names = [format!("{name}_Q{bits}"), format!("{name}_scales"), format!("{name}_zero_point")];
    let count = if format.is_symmetric { 2 } else { 3 };
    let axis = size(table.dims.len() - 1);
    if made.insert(names[0].clone()) {
        let sizes = table.dims.iter().map(|&side| usize::try_from(side).unwrap_or(0));
        let sizes: Vec<usize> = sizes.collect();
        let (&k, outer) = sizes.split_last()?;
        let (n, data) = (outer.iter().product(), model.data().clone());
        let weight = Weight { tensor: table, data, n, k, format, layout: Layout::Table };
        weight.add_to(model, &names[..count]);
    }
    let lookup = Node::new("GatherBlockQuantized", labeled(node.name(), bits));
    let [codes, others] = [&names[..1], &names[1..count]];
    let inputs = [codes, &[node.input_at(1).to_owned()], others].concat();
    let mut lookup = lookup.domain(Node::MICROSOFT).inputs(inputs);
    for (name, value) in [
        ("gather_axis", node.int("axis").unwrap_or(0)),
        ("quantize_axis", axis),
        ("block_size", size(format.block_size)),
        ("bits", size(bits)),
    ] {
        lookup = lookup.attribute(name, value);
    }
    Some(lookup.outputs(node.output.iter().cloned()).into_proto())
}
