//! Nodes and initializers that nothing takes.

use std::collections::HashSet;

use olive_kit_onnx::proto::{TensorProto, ValueInfoProto};

use super::super::parts::{Attribute, Parts};

impl Parts {
    /// Takes out nodes whose outputs nothing takes, and initializers that nothing takes.
    pub(super) fn remove_unused(&mut self) {
        let used = Used::of(self);
        for node in 0..self.nodes.len() {
            if self.nodes[node].removed.is_none() && !used.nodes.contains(&node) {
                self.take_out(node);
            }
        }
        for (index, graph) in self.graphs.iter_mut().enumerate() {
            let weights = graph.weights.iter();
            let sparse = graph.sparse.iter().filter_map(|weight| weight.values.as_ref());
            let names = weights.chain(sparse).map(TensorProto::name);
            let names = names.filter(|&name| !used.values.contains(&(index, name.to_owned())));
            for name in names.map(str::to_owned).collect::<Vec<_>>() {
                graph.weights.remove(&name);
                graph.sparse.remove(&name);
                self.touched.insert(name, self.edit);
            }
        }
    }
}

/// What the outputs of the main graph need.
#[derive(Default)]
struct Used {
    nodes: HashSet<usize>,
    /// Values, each with the graph that makes it.
    values: HashSet<(usize, String)>,
}

impl Used {
    fn of(parts: &Parts) -> Self {
        let mut used = Self::default();
        let mut open = Vec::new();
        used.need_outputs(parts, 0, &mut open);
        while let Some(node) = open.pop() {
            let Some(node) = parts.nodes.get(node) else { continue };
            for name in &node.proto.input {
                used.need(parts, node.graph, name, &mut open);
            }
            for graph in node.attributes.iter().flat_map(Attribute::graphs) {
                used.need_outputs(parts, graph, &mut open);
            }
        }
        used
    }

    fn need_outputs(&mut self, parts: &Parts, graph: usize, open: &mut Vec<usize>) {
        for output in parts.graphs[graph].outputs.iter().map(ValueInfoProto::name) {
            self.need(parts, graph, output, open);
        }
    }

    /// Counts the value `name`, as it is seen from `graph`, and opens the nodes that make it.
    fn need(&mut self, parts: &Parts, graph: usize, name: &str, open: &mut Vec<usize>) {
        let Some(maker) = parts.maker(graph, name) else { return };
        if !self.values.insert((maker, name.to_owned())) {
            return;
        }
        let nodes = parts.graphs[maker].made.get(name).into_iter().flatten();
        open.extend(nodes.copied().filter(|&node| self.nodes.insert(node)));
    }
}
