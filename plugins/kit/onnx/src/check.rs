//! What is wrong with a model before anything runs it.

use std::collections::HashSet;

use crate::error::OnnxError;
use crate::model::Model;
use crate::order::{label, needs, order};
use crate::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::visit::{attribute_tensors, each_graph, subgraphs};

/// One thing that is wrong with a model.
#[derive(Debug, thiserror::Error)]
pub enum GraphProblem {
    /// A node takes a value that nothing makes.
    #[error("node `{node}` takes `{value}`, which nothing makes")]
    DanglingInput {
        /// Name of the node, or its operator.
        node: String,
        /// The value.
        value: String,
    },
    /// An output of a graph is a value that nothing makes.
    #[error("the output `{value}` of graph `{graph}` is made by nothing")]
    DanglingOutput {
        /// Name of the graph.
        graph: String,
        /// The value.
        value: String,
    },
    /// Two nodes, weights or inputs make the same value.
    #[error("the value `{value}` is made twice")]
    MadeTwice {
        /// The value.
        value: String,
    },
    /// A node waits for itself.
    #[error("node `{node}` needs its own output")]
    Cycle {
        /// Name of a node of the circle, or behind it.
        node: String,
    },
    /// A tensor has no bytes, or the wrong number of them.
    #[error(transparent)]
    Tensor(#[from] OnnxError),
}

impl Model {
    /// Everything that is wrong with the structure of the model and with places of its weights.
    ///
    /// Reads no weight. Order of nodes is not wrong: [`crate::sort`] puts it right.
    pub fn check(&self) -> Vec<GraphProblem> {
        let mut problems = Vec::new();
        check_graph(&self.graph, &HashSet::new(), &mut problems);
        for function in &self.header.functions {
            let inputs = function.input.iter().map(String::as_str).collect();
            check_nodes(&function.node, inputs, &mut problems);
        }
        let mut tensors = attribute_tensors(&self.graph);
        each_graph(&self.graph, &mut |graph| tensors.extend(&graph.initializer));
        let is_there = |name: &str| self.maker(name).is_none() && !self.is_lent(name);
        let present = tensors.into_iter().filter(|tensor| is_there(tensor.name()));
        let lengths = present.filter_map(|tensor| self.data().check(tensor).err());
        problems.extend(lengths.map(GraphProblem::from));
        problems
    }
}

/// Checks `graph` where the values `around` can be seen.
fn check_graph(graph: &GraphProto, around: &HashSet<&str>, problems: &mut Vec<GraphProblem>) {
    let mut known = around.clone();
    let inputs: HashSet<&str> = graph.input.iter().map(ValueInfoProto::name).collect();
    let sparse = graph.sparse_initializer.iter().filter_map(|weight| weight.values.as_ref());
    let weights = graph.initializer.iter().chain(sparse).map(TensorProto::name);
    let mut own = HashSet::new();
    // An input with an initializer of the same name has a default value.
    for name in weights.filter(|name| !name.is_empty()) {
        if !own.insert(name) {
            problems.push(GraphProblem::MadeTwice { value: name.to_owned() });
        }
    }
    known.extend(inputs);
    known.extend(own);
    let known = check_nodes(&graph.node, known, problems);
    for output in &graph.output {
        if !known.contains(output.name()) {
            let (graph, value) = (graph.name().to_owned(), output.name().to_owned());
            problems.push(GraphProblem::DanglingOutput { graph, value });
        }
    }
}

/// Checks `nodes` where the values `known` can be seen; returns those with their outputs.
fn check_nodes<'a>(
    nodes: &'a [NodeProto],
    mut known: HashSet<&'a str>,
    problems: &mut Vec<GraphProblem>,
) -> HashSet<&'a str> {
    for output in nodes.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty()) {
        if !known.insert(output) {
            problems.push(GraphProblem::MadeTwice { value: output.clone() });
        }
    }
    for node in nodes {
        for value in needs(node).into_iter().filter(|name| !known.contains(name)) {
            let (node, value) = (label(node), value.to_owned());
            problems.push(GraphProblem::DanglingInput { node, value });
        }
        for graph in subgraphs(node) {
            check_graph(graph, &known, problems);
        }
    }
    if let Err(stuck) = order(nodes) {
        problems.push(GraphProblem::Cycle { node: label(&nodes[stuck]) });
    }
    known
}
