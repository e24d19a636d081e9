//! Changes of graphs that many rewrites share.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::order::needs;
use crate::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::visit::subgraphs_mut;

/// Who makes and who takes each value of a graph, by indices of nodes, at one moment.
#[derive(Debug, Default)]
pub struct Uses {
    producers: HashMap<String, usize>,
    consumers: HashMap<String, Vec<usize>>,
    outputs: HashSet<String>,
}

impl Uses {
    /// Who makes and takes what in `graph` as it is now.
    pub fn of(graph: &GraphProto) -> Self {
        let mut uses = Self::default();
        for (index, node) in graph.node.iter().enumerate() {
            let outputs = node.output.iter().filter(|name| !name.is_empty());
            uses.producers.extend(outputs.map(|name| (name.clone(), index)));
            for name in needs(node) {
                uses.consumers.entry(name.to_owned()).or_default().push(index);
            }
        }
        uses.outputs = graph.output.iter().map(|output| output.name().to_owned()).collect();
        uses
    }

    /// The node that makes `value`, unless it is an input or a weight.
    pub fn producer(&self, value: &str) -> Option<usize> {
        self.producers.get(value).copied()
    }

    /// Nodes that take `value`, once for each time, in order; graphs inside them count.
    pub fn consumers(&self, value: &str) -> &[usize] {
        self.consumers.get(value).map_or(&[], Vec::as_slice)
    }

    /// The one node that takes `value`, when there is no other use.
    pub fn only_consumer(&self, value: &str) -> Option<usize> {
        match self.consumers(value) {
            &[consumer] if !self.is_output(value) => Some(consumer),
            _ => None,
        }
    }

    /// Whether `value` is an output of the graph.
    pub fn is_output(&self, value: &str) -> bool {
        self.outputs.contains(value)
    }
}

/// Nodes to take out and to put in, gathered while the graph is read and applied at once.
#[derive(Debug, Default)]
pub struct Patch {
    removed: BTreeSet<usize>,
    added: HashMap<usize, Vec<NodeProto>>,
}

impl Patch {
    /// Takes the node at `index` out.
    pub fn remove(&mut self, index: usize) {
        self.removed.insert(index);
    }

    /// Whether the node at `index` is to be taken out.
    pub fn removes(&self, index: usize) -> bool {
        self.removed.contains(&index)
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    /// Puts `node` in before the node at `index`, after those that were put there already.
    pub fn add(&mut self, index: usize, node: NodeProto) {
        self.added.entry(index).or_default().push(node);
    }

    /// Puts `node` in the place of the node at `index`.
    pub fn replace(&mut self, index: usize, node: NodeProto) {
        self.remove(index);
        self.add(index, node);
    }

    /// Changes `graph`, for which the patch was made.
    pub fn apply(mut self, graph: &mut GraphProto) {
        let old = std::mem::take(&mut graph.node);
        let end = old.len();
        for (index, node) in old.into_iter().enumerate() {
            graph.node.extend(self.added.remove(&index).unwrap_or_default());
            if !self.removed.contains(&index) {
                graph.node.push(node);
            }
        }
        graph.node.extend(self.added.remove(&end).unwrap_or_default());
    }
}

/// Lets everything that takes `old` take `new`: nodes, graphs inside them, outputs of the graph.
pub fn replace_uses(graph: &mut GraphProto, old: &str, new: &str) {
    for node in &mut graph.node {
        replace_inputs(node, old, new);
    }
    for output in graph.output.iter_mut().filter(|output| output.name() == old) {
        output.name = Some(new.to_owned());
    }
}

/// Gives the value `old` the name `new` wherever it is made, taken or described.
pub fn rename_value(graph: &mut GraphProto, old: &str, new: &str) {
    replace_uses(graph, old, new);
    for output in graph.node.iter_mut().flat_map(|node| &mut node.output) {
        if output == old {
            new.clone_into(output);
        }
    }
    let named = graph.input.iter_mut().chain(&mut graph.value_info);
    for value in named.filter(|value| value.name() == old) {
        value.name = Some(new.to_owned());
    }
    for weight in graph.initializer.iter_mut().filter(|weight| weight.name() == old) {
        weight.name = Some(new.to_owned());
    }
}

/// Lets `node`, and graphs inside it, take `new` instead of `old`.
pub fn replace_inputs(node: &mut NodeProto, old: &str, new: &str) {
    for input in node.input.iter_mut().filter(|input| *input == old) {
        new.clone_into(input);
    }
    for graph in subgraphs_mut(node) {
        let inputs = graph.input.iter().map(ValueInfoProto::name);
        let weights = graph.initializer.iter().map(TensorProto::name);
        if !inputs.chain(weights).any(|name| name == old) {
            replace_uses(graph, old, new);
        }
    }
}

/// Drops initializers that nothing takes, and descriptions of values that are not there.
pub fn drop_unused_weights(graph: &mut GraphProto) {
    let used: HashSet<String> = graph
        .node
        .iter()
        .flat_map(|node| needs(node).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .chain(graph.output.iter().map(|output| output.name().to_owned()))
        .collect();
    graph.initializer.retain(|weight| used.contains(weight.name()));
    let weights = graph.initializer.iter().map(|weight| weight.name().to_owned());
    let outputs = graph.node.iter().flat_map(|node| node.output.iter().cloned());
    let inputs = graph.input.iter().map(|input| input.name().to_owned());
    let there: HashSet<String> = weights.chain(outputs).chain(inputs).collect();
    graph.value_info.retain(|value| there.contains(value.name()));
}

/// Drops nodes whose outputs nothing takes, then weights that nothing takes.
pub fn drop_dead_nodes(graph: &mut GraphProto) {
    loop {
        let uses = Uses::of(graph);
        let is_used = |name: &String| uses.is_output(name) || !uses.consumers(name).is_empty();
        let before = graph.node.len();
        graph.node.retain(|node| node.output.iter().any(is_used));
        if graph.node.len() == before {
            break;
        }
    }
    drop_unused_weights(graph);
}
