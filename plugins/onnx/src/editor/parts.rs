//! A model taken apart into graphs and nodes with numbers, and put together again.
//!
//! Numbers are those of the view. What is taken out keeps its number, so that a later edit that
//! names it can be told so; a new node takes the next one.

use std::collections::HashMap;

use olive_kit_onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto,
    ValueInfoProto,
};

use super::table::Table;

/// A model in parts.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) header: ModelProto,
    pub(super) graphs: Vec<Graph>,
    pub(super) nodes: Vec<Node>,
    /// How many nodes have numbers that the view shows.
    pub(super) shown: usize,
    /// Who has taken a value of this name at some time, in any graph.
    pub(super) takers: HashMap<String, Vec<Taker>>,
    /// Graphs that have made a value of this name at some time.
    pub(super) makers: HashMap<String, Vec<usize>>,
    /// The edit that is being done.
    pub(super) edit: usize,
    /// The last edit that took away or asked for a value of this name.
    pub(super) touched: HashMap<String, usize>,
    /// Domains of operators that edits asked for, with the edit.
    pub(super) domains: Vec<(String, usize)>,
}

/// A graph without its nodes.
#[derive(Debug)]
pub(super) struct Graph {
    /// What edits do not change.
    rest: GraphProto,
    pub(super) inputs: Table<ValueInfoProto>,
    pub(super) outputs: Table<ValueInfoProto>,
    pub(super) values: Table<ValueInfoProto>,
    pub(super) weights: Table<TensorProto>,
    pub(super) sparse: Table<SparseTensorProto>,
    /// Its nodes, those that were taken out included.
    pub(super) nodes: Vec<usize>,
    /// Nodes that make each value; one in a sound graph.
    pub(super) made: HashMap<String, Vec<usize>>,
    /// The node it is in.
    pub(super) inside: Option<usize>,
    /// The edit that took it out.
    pub(super) removed: Option<usize>,
}

/// A node without its attributes.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) proto: NodeProto,
    pub(super) attributes: Vec<Attribute>,
    pub(super) graph: usize,
    /// The edit that took it out.
    pub(super) removed: Option<usize>,
}

/// An attribute without the graphs in it.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) proto: AttributeProto,
    /// The one graph that it is.
    one: Option<usize>,
    /// The graphs that it is.
    many: Vec<usize>,
}

/// Who takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Taker {
    /// A node.
    Node(usize),
    /// A graph, as its output.
    Output(usize),
}

impl Parts {
    /// Takes a model apart whose nodes are in order.
    pub(super) fn of(header: ModelProto, graph: GraphProto) -> Self {
        let mut parts = Self { header, ..Self::default() };
        parts.take(graph, None);
        parts.shown = parts.nodes.len();
        parts
    }

    /// The model.
    pub(super) fn into_model(mut self) -> (ModelProto, GraphProto) {
        let mut graphs: Vec<_> = self.graphs.into_iter().map(Some).collect();
        let mut nodes: Vec<_> = self.nodes.into_iter().map(Some).collect();
        let main = joined(0, &mut graphs, &mut nodes);
        (std::mem::take(&mut self.header), main)
    }

    /// Adds a node, and returns its number.
    pub(super) fn add(&mut self, mut proto: NodeProto, graph: usize) -> usize {
        let attributes = std::mem::take(&mut proto.attribute);
        let number = self.nodes.len();
        for input in proto.input.iter().filter(|name| !name.is_empty()) {
            self.takers.entry(input.clone()).or_default().push(Taker::Node(number));
        }
        for output in proto.output.iter().filter(|name| !name.is_empty()) {
            self.graphs[graph].made.entry(output.clone()).or_default().push(number);
            self.note_maker(output, graph);
        }
        self.nodes.push(Node { proto, attributes: Vec::new(), graph, removed: None });
        self.graphs[graph].nodes.push(number);
        for attribute in attributes {
            let attribute = self.attribute(attribute, number);
            self.nodes[number].attributes.push(attribute);
        }
        number
    }

    /// Remembers that `graph` has made a value of this name.
    pub(super) fn note_maker(&mut self, name: &str, graph: usize) {
        let makers = self.makers.entry(name.to_owned()).or_default();
        if !makers.contains(&graph) {
            makers.push(graph);
        }
    }

    fn take(&mut self, mut graph: GraphProto, inside: Option<usize>) -> usize {
        let number = self.graphs.len();
        let nodes = std::mem::take(&mut graph.node);
        let inputs = Table::from(std::mem::take(&mut graph.input));
        let outputs = Table::from(std::mem::take(&mut graph.output));
        let weights = Table::from(std::mem::take(&mut graph.initializer));
        let sparse = Table::from(std::mem::take(&mut graph.sparse_initializer));
        let of_weights = weights.iter().map(TensorProto::name);
        let of_sparse = sparse
            .iter()
            .filter_map(|sparse: &SparseTensorProto| sparse.values.as_ref().map(TensorProto::name));
        let of_inputs = inputs.iter().map(ValueInfoProto::name);
        for name in of_inputs.chain(of_weights).chain(of_sparse) {
            self.makers.entry(name.to_owned()).or_default().push(number);
        }
        for output in outputs.iter() {
            let takers = self.takers.entry(output.name().to_owned()).or_default();
            takers.push(Taker::Output(number));
        }
        self.graphs.push(Graph {
            values: Table::from(std::mem::take(&mut graph.value_info)),
            rest: graph,
            inputs,
            outputs,
            weights,
            sparse,
            nodes: Vec::with_capacity(nodes.len()),
            made: HashMap::new(),
            inside,
            removed: None,
        });
        for node in nodes {
            self.add(node, number);
        }
        number
    }

    fn attribute(&mut self, mut proto: AttributeProto, node: usize) -> Attribute {
        let one = proto.g.take().map(|graph| self.take(graph, Some(node)));
        let many = std::mem::take(&mut proto.graphs).into_iter();
        let many = many.map(|graph| self.take(graph, Some(node))).collect();
        Attribute { proto, one, many }
    }
}

impl Graph {
    /// Whether an input, an initializer or a node of the graph is the value `name`.
    pub(super) fn makes(&self, name: &str) -> bool {
        self.inputs.has(name)
            || self.weights.has(name)
            || self.sparse.has(name)
            || self.made.contains_key(name)
    }

    /// Names the value `from` by `to` in what is said of how it is quantized.
    pub(super) fn rename_annotations(&mut self, from: &str, to: &str) {
        for annotation in &mut self.rest.quantization_annotation {
            let quantized = annotation.tensor_name.iter_mut();
            let parameters = annotation.quant_parameter_tensor_names.iter_mut();
            let parameters = parameters.filter_map(|parameter| parameter.value.as_mut());
            for name in quantized.chain(parameters).filter(|name| *name == from) {
                to.clone_into(name);
            }
        }
    }

    /// Forgets what is said of the value `name` when nothing makes it.
    pub(super) fn forget_missing(&mut self, name: &str) {
        if !self.makes(name) {
            self.values.remove(name);
        }
    }
}

impl Attribute {
    /// An attribute that holds no graph.
    pub(super) fn plain(proto: AttributeProto) -> Self {
        Self { proto, one: None, many: Vec::new() }
    }

    /// Numbers of the graphs in it.
    pub(super) fn graphs(&self) -> impl Iterator<Item = usize> {
        self.one.iter().chain(&self.many).copied()
    }
}

fn joined(number: usize, graphs: &mut [Option<Graph>], nodes: &mut [Option<Node>]) -> GraphProto {
    let Some(graph) = graphs[number].take() else { return GraphProto::default() };
    let mut proto = GraphProto {
        input: graph.inputs.into_items(),
        output: graph.outputs.into_items(),
        value_info: graph.values.into_items(),
        initializer: graph.weights.into_items(),
        sparse_initializer: graph.sparse.into_items(),
        ..graph.rest
    };
    for number in graph.nodes {
        let Some(node) = nodes[number].take().filter(|node| node.removed.is_none()) else {
            continue;
        };
        let mut whole = node.proto;
        for attribute in node.attributes {
            let one = attribute.one.map(|graph| joined(graph, graphs, nodes));
            let many = attribute.many.iter().map(|&graph| joined(graph, graphs, nodes));
            let many = many.collect();
            whole.attribute.push(AttributeProto { g: one, graphs: many, ..attribute.proto });
        }
        proto.node.push(whole);
    }
    proto
}
