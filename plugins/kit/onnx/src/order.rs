//! The order of computation in a graph.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::visit::subgraphs;

/// Puts the nodes of `graph` into an order of computation; those in order stay where they are.
///
/// # Errors
/// The name, or the operator, of a node that needs its own output.
pub fn sort(graph: &mut GraphProto) -> Result<(), String> {
    let order = order(&graph.node).map_err(|node| label(&graph.node[node]))?;
    let mut nodes: Vec<_> = std::mem::take(&mut graph.node).into_iter().map(Some).collect();
    graph.node = order.into_iter().filter_map(|index| nodes[index].take()).collect();
    Ok(())
}

/// Indices of `nodes` in an order of computation, the smallest possible first.
///
/// # Errors
/// The first node of a circle, or behind one.
pub(crate) fn order(nodes: &[NodeProto]) -> Result<Vec<usize>, usize> {
    let outputs = nodes.iter().enumerate();
    let producers: HashMap<&str, usize> = outputs
        .flat_map(|(index, node)| node.output.iter().map(move |name| (name.as_str(), index)))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    let mut missing = vec![0_usize; nodes.len()];
    let mut followers = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        let mut needed: Vec<usize> =
            needs(node).iter().filter_map(|name| producers.get(name).copied()).collect();
        needed.sort_unstable();
        needed.dedup();
        missing[index] = needed.len();
        for producer in needed {
            followers[producer].push(index);
        }
    }
    let ready = missing.iter().enumerate().filter(|&(_, &missing)| missing == 0);
    let mut ready: BinaryHeap<_> = ready.map(|(index, _)| Reverse(index)).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for &follower in &followers[index] {
            missing[follower] -= 1;
            if missing[follower] == 0 {
                ready.push(Reverse(follower));
            }
        }
    }
    match missing.iter().position(|&missing| missing > 0) {
        Some(stuck) => Err(stuck),
        None => Ok(order),
    }
}

/// Values that `node` takes, those that its graphs take from around it included.
pub fn needs(node: &NodeProto) -> Vec<&str> {
    let own = node.input.iter().map(String::as_str).filter(|name| !name.is_empty());
    own.chain(subgraphs(node).flat_map(captured)).collect()
}

/// The name of a node, or its operator when it has none.
pub fn label(node: &NodeProto) -> String {
    if node.name().is_empty() { node.op_type().to_owned() } else { node.name().to_owned() }
}

/// Values that `graph` takes from around it.
fn captured(graph: &GraphProto) -> Vec<&str> {
    let inputs = graph.input.iter().map(ValueInfoProto::name);
    let weights = graph.initializer.iter().map(TensorProto::name);
    let sparse = graph.sparse_initializer.iter().filter_map(|weight| weight.values.as_ref());
    let outputs = graph.node.iter().flat_map(|node| &node.output).map(String::as_str);
    let own: HashSet<&str> =
        inputs.chain(weights).chain(sparse.map(TensorProto::name)).chain(outputs).collect();
    let results = graph.output.iter().map(ValueInfoProto::name);
    let used = graph.node.iter().flat_map(needs).chain(results);
    used.filter(|name| !own.contains(name)).collect()
}
