//! Which nodes of a graph go to which split.

use std::collections::{BTreeMap, BTreeSet};

use olive_kit_onnx::proto::{GraphProto, NodeProto};
use olive_kit_onnx::{Uses, needs};

/// The splits of each node of `graph`, whose nodes are in order.
///
/// A node goes where its name says, but not before a node that it takes from. One without a place
/// goes with the last it takes from, else with the first it gives to, else to 0. Constants and
/// `DequantizeLinear` go, once each, wherever they are taken; a constant that nothing takes nowhere.
pub(super) fn assign(
    graph: &GraphProto,
    uses: &Uses,
    assignments: &BTreeMap<String, usize>,
) -> Vec<BTreeSet<usize>> {
    let is_constant = |node: &NodeProto| node.is("Constant");
    let is_quantization =
        |node: &NodeProto| ["QuantizeLinear", "DequantizeLinear"].contains(&node.op_type());
    let mut placed: Vec<Option<usize>> = vec![None; graph.node.len()];
    for (index, node) in graph.node.iter().enumerate().filter(|(_, node)| !is_constant(node)) {
        let own = named(node.name(), assignments).filter(|_| !is_quantization(node));
        let before = needs(node).into_iter().filter_map(|value| placed[uses.producer(value)?]);
        placed[index] = before.chain(own).max();
    }
    let takers = |node: &NodeProto| -> Vec<usize> {
        node.output.iter().flat_map(|output| uses.consumers(output)).copied().collect()
    };
    for (index, node) in graph.node.iter().enumerate().rev() {
        if placed[index].is_none() && !is_constant(node) {
            let after = takers(node).into_iter().filter_map(|taker| placed[taker]).min();
            placed[index] = Some(after.unwrap_or(0));
        }
    }
    let mut splits: Vec<BTreeSet<usize>> =
        placed.into_iter().map(|split| split.into_iter().collect()).collect();
    for (index, node) in graph.node.iter().enumerate().rev() {
        if is_constant(node) || node.is("DequantizeLinear") {
            let after: BTreeSet<usize> =
                takers(node).into_iter().flat_map(|taker| splits[taker].clone()).collect();
            if !after.is_empty() {
                splits[index] = after;
            } else if node.output.iter().any(|output| uses.is_output(output)) {
                splits[index].insert(0);
            }
        }
    }
    splits
}

/// What is assigned to the longest module that the node `name` is of.
fn named(name: &str, assignments: &BTreeMap<String, usize>) -> Option<usize> {
    let path = name.replace('/', ".");
    let mut module = path.trim_start_matches('.');
    loop {
        if let Some(&split) = assignments.get(module) {
            return Some(split);
        }
        (module, _) = module.rsplit_once('.')?;
    }
}
