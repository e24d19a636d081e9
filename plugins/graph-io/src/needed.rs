//! What a graph needs to make its outputs.

use std::collections::BTreeSet;

use olive_validator_api::graph::GraphBody;

/// The values that the outputs called `outputs` of `graph` are made of, and they themselves.
pub(crate) fn values<'a>(
    graph: &'a GraphBody,
    outputs: impl IntoIterator<Item = &'a str>,
) -> BTreeSet<&'a str> {
    let mut needed: BTreeSet<&str> = outputs.into_iter().collect();
    follow(graph, &mut needed);
    needed
}

/// Adds what the nodes of `graph` that make something `needed` take.
fn follow<'a>(graph: &'a GraphBody, needed: &mut BTreeSet<&'a str>) {
    for node in graph.nodes.iter().rev() {
        if !node.outputs.iter().any(|output| needed.contains(output.as_str())) {
            continue;
        }
        needed.extend(node.inputs.iter().map(String::as_str));
        for body in node.bodies() {
            needed.extend(body.outputs.iter().map(|output| output.name.as_str()));
            follow(body, needed);
        }
    }
}

/// The values that nodes of `graph` and of the graphs inside them take, and outputs of those.
pub(crate) fn taken(graph: &GraphBody) -> BTreeSet<&str> {
    let bodies = graph.bodies();
    let nodes = bodies.iter().flat_map(|body| &body.nodes);
    let inputs = nodes.flat_map(|node| node.inputs.iter().map(String::as_str));
    let inner = bodies.iter().skip(1).flat_map(|body| &body.outputs);
    inputs.chain(inner.map(|output| output.name.as_str())).collect()
}
