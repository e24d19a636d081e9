//! Walks over a graph with everything nested in it.

use crate::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// Graphs inside the attributes of `node`.
pub fn subgraphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

/// Graphs inside the attributes of `node`.
pub fn subgraphs_mut(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    node.attribute.iter_mut().flat_map(graphs_mut)
}

/// Every graph inside `graph`, itself first.
pub fn each_graph<'a>(graph: &'a GraphProto, visit: &mut impl FnMut(&'a GraphProto)) {
    visit(graph);
    for node in &graph.node {
        for inner in subgraphs(node) {
            each_graph(inner, visit);
        }
    }
}

/// Every graph inside `graph`, itself first.
pub fn each_graph_mut(graph: &mut GraphProto, visit: &mut impl FnMut(&mut GraphProto)) {
    visit(graph);
    for node in &mut graph.node {
        for inner in subgraphs_mut(node) {
            each_graph_mut(inner, visit);
        }
    }
}

/// Every tensor in the attributes of the nodes of `graph`, and of the graphs inside it.
pub(crate) fn attribute_tensors(graph: &GraphProto) -> Vec<&TensorProto> {
    let mut found = Vec::new();
    each_graph(graph, &mut |graph| {
        let attributes = graph.node.iter().flat_map(|node| &node.attribute);
        found.extend(attributes.flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors)));
    });
    found
}

/// Every tensor in the attributes of `node` itself.
pub(crate) fn tensors_mut(node: &mut NodeProto) -> impl Iterator<Item = &mut TensorProto> {
    let attributes = node.attribute.iter_mut();
    attributes.flat_map(|attribute| attribute.t.iter_mut().chain(&mut attribute.tensors))
}

fn graphs_mut(attribute: &mut AttributeProto) -> impl Iterator<Item = &mut GraphProto> {
    attribute.g.iter_mut().chain(&mut attribute.graphs)
}
