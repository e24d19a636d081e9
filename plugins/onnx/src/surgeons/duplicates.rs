//! What a graph has twice by mistake.

use std::collections::HashSet;

use olive_kit_onnx::{Model, each_graph_mut};

/// Drops nodes one of whose outputs an earlier node makes.
pub(super) fn nodes(model: &mut Model) {
    let mut made: HashSet<String> = HashSet::new();
    model.graph.node.retain(|node| {
        let outputs = node.output.iter().filter(|name| !name.is_empty());
        let is_first = outputs.clone().all(|name| !made.contains(name));
        if is_first {
            made.extend(outputs.cloned());
        }
        is_first
    });
}

/// Drops weights of graphs inside nodes whose name an earlier weight of that graph has.
pub(super) fn weights_of_subgraphs(model: &mut Model) {
    for node in &mut model.graph.node {
        for inner in olive_kit_onnx::subgraphs_mut(node) {
            each_graph_mut(inner, &mut |graph| {
                let mut names = HashSet::new();
                graph.initializer.retain(|weight| names.insert(weight.name().to_owned()));
            });
        }
    }
}
