//! Nodes that undo or cover what the one before them does, so that they can take what it takes.

use std::collections::HashMap;

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Model, Uses, drop_dead_nodes};

use crate::constant::range;
use crate::error::RewriteError;
use crate::numbers::{constant, dtype, integers};
use crate::types;

/// Writes casts to the type of another value as casts to that type, where it is known.
pub(crate) fn name_types(model: &mut Model) {
    let types = types::of(&model.graph);
    for node in model.graph.node.iter_mut().filter(|node| node.is("CastLike")) {
        if let Some(&dtype) = types.get(node.input_at(1)) {
            node.op_type = Some("Cast".to_owned());
            node.input.truncate(1);
            node.set("to", i64::from(i32::from(dtype)));
        }
    }
}

/// Lets a cast take what an exact cast before it takes, and a reshape what one before it takes.
///
/// # Errors
/// When a shape cannot be read.
pub(crate) fn shorten(model: &mut Model) -> Result<(), RewriteError> {
    let (uses, types) = (Uses::of(&model.graph), types::of(&model.graph));
    let before = |node: &NodeProto| uses.producer(node.input_at(0));
    for index in 0..model.graph.node.len() {
        let node = &model.graph.node[index];
        let Some(earlier) = before(node).map(|earlier| &model.graph.node[earlier]) else {
            continue;
        };
        let is_covered = match (node.op_type(), earlier.op_type()) {
            ("Cast", "Cast") => is_exact(earlier, &types),
            ("Reshape", "Reshape") => is_independent(node, model)?,
            _ => false,
        };
        if is_covered && node.is(node.op_type()) && earlier.is(earlier.op_type()) {
            let source = earlier.input_at(0).to_owned();
            model.graph.node[index].input[0] = source;
        }
    }
    drop_dead_nodes(&mut model.graph);
    Ok(())
}

/// Writes a transpose of a transpose as one.
pub(crate) fn join_transposes(model: &mut Model) {
    let uses = Uses::of(&model.graph);
    for index in 0..model.graph.node.len() {
        let node = &model.graph.node[index];
        let earlier = uses.producer(node.input_at(0)).map(|earlier| &model.graph.node[earlier]);
        let Some(earlier) =
            earlier.filter(|earlier| node.is("Transpose") && earlier.is("Transpose"))
        else {
            continue;
        };
        let first = earlier.ints("perm");
        let order =
            node.ints("perm").iter().map(|&axis| first.get(usize::try_from(axis).ok()?).copied());
        let order: Option<Vec<i64>> = order.collect();
        // Without an order, axes are reversed, and how many there are is not said.
        let Some(order) = order.filter(|order| !order.is_empty() && order.len() == first.len())
        else {
            continue;
        };
        let source = earlier.input_at(0).to_owned();
        let node = &mut model.graph.node[index];
        node.input[0] = source;
        node.set("perm", order);
    }
    drop_dead_nodes(&mut model.graph);
}

/// Whether every number of the type that the cast `node` takes is one of the type that it gives.
fn is_exact(node: &NodeProto, types: &HashMap<String, DataType>) -> bool {
    let to = node.int("to").and_then(|to| DataType::try_from(i32::try_from(to).ok()?).ok());
    let (Some(&from), Some(to)) = (types.get(node.input_at(0)), to) else { return false };
    match (from, to) {
        (
            DataType::Float16
            | DataType::Bfloat16
            | DataType::Int8
            | DataType::Uint8
            | DataType::Int16
            | DataType::Uint16,
            DataType::Float,
        ) => true,
        _ => match (range(from), range(to)) {
            (Some((least, most)), Some((lower, upper))) => lower <= least && most <= upper,
            _ => false,
        },
    }
}

/// Whether the shape that the reshape `node` gives does not depend on the one it takes.
fn is_independent(node: &NodeProto, model: &Model) -> Result<bool, RewriteError> {
    let Some(shape) = constant(model, node.input_at(1)) else { return Ok(false) };
    let sides = integers(&model.bytes(shape)?, dtype(shape)).unwrap_or(vec![0]);
    Ok(!sides.contains(&0))
}
