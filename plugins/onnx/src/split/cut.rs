//! The graphs that a graph is cut into.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{GraphProto, NodeProto, TensorShapeProto, ValueInfoProto};
use olive_kit_onnx::{GraphProblem, Model, Uses, drop_dead_nodes, needs, sort, value_info};

use super::assign::assign;
use super::unfit;
use crate::error::RewriteError;
use crate::{redundant, types};

/// Splits with at least one node, by number.
pub(super) fn cut(
    mut model: Model,
    assignments: &BTreeMap<String, usize>,
) -> Result<Vec<(usize, Model)>, RewriteError> {
    redundant::drop_identities(&mut model);
    sort(&mut model.graph).map_err(|node| RewriteError::Broken(GraphProblem::Cycle { node }))?;
    let whole = Whole::of(&model.graph, assignments);
    let last = whole.splits.iter().flatten().max().copied().unwrap_or(0);
    let mut made = Vec::new();
    for split in 0..=last {
        let graph = whole.part(split)?;
        if !graph.node.is_empty() {
            made.push((split, model.with_graph(graph)));
        }
    }
    Ok(made)
}

/// A graph and where its nodes go.
struct Whole<'a> {
    graph: &'a GraphProto,
    uses: Uses,
    splits: Vec<BTreeSet<usize>>,
    types: HashMap<String, DataType>,
}

impl<'a> Whole<'a> {
    fn of(graph: &'a GraphProto, assignments: &BTreeMap<String, usize>) -> Self {
        let uses = Uses::of(graph);
        let splits = assign(graph, &uses, assignments);
        Self { graph, uses, splits, types: types::of(graph) }
    }

    /// The graph of `split`: its nodes, what they take, and what is taken from them.
    fn part(&self, split: usize) -> Result<GraphProto, RewriteError> {
        let nodes: Vec<&NodeProto> = self.nodes_of(split).map(|(_, node)| node).collect();
        let made: HashSet<&str> =
            nodes.iter().flat_map(|node| &node.output).map(String::as_str).collect();
        let taken: HashSet<&str> = nodes.iter().flat_map(|node| needs(node)).collect();
        let is_taken = |name: &str| taken.contains(name) && !made.contains(name);
        let crossing = |name: &&str| {
            self.uses.producer(name).is_some_and(|index| !self.splits[index].contains(&split))
        };
        let mut input: Vec<ValueInfoProto> =
            self.graph.input.iter().filter(|input| is_taken(input.name())).cloned().collect();
        for value in self.values().filter(|name| is_taken(name)).filter(crossing) {
            input.push(self.describe(value)?);
        }
        let outputs = self.nodes_of(split).flat_map(|(index, node)| {
            let names = node.output.iter().filter(|name| !name.is_empty());
            names.filter(move |name| self.leaves(name, index))
        });
        let output = outputs.map(|name| self.describe(name)).collect::<Result<Vec<_>, _>>()?;
        let is_inside = |value: &&ValueInfoProto| {
            made.contains(value.name()) && !output.iter().any(|known| known.name() == value.name())
        };
        let weights = &self.graph.initializer;
        let mut graph = GraphProto {
            name: self.graph.name.clone(),
            node: nodes.into_iter().cloned().collect(),
            initializer: weights.iter().filter(|weight| is_taken(weight.name())).cloned().collect(),
            value_info: self.graph.value_info.iter().filter(is_inside).cloned().collect(),
            input,
            output,
            ..GraphProto::default()
        };
        drop_dead_nodes(&mut graph);
        Ok(graph)
    }

    fn nodes_of(&self, split: usize) -> impl Iterator<Item = (usize, &'a NodeProto)> {
        let nodes = self.graph.node.iter().enumerate();
        nodes.filter(move |(index, _)| self.splits[*index].contains(&split))
    }

    /// Everything that nodes make, in order.
    fn values(&self) -> impl Iterator<Item = &'a str> {
        self.graph.node.iter().flat_map(|node| node.output.iter().map(String::as_str))
    }

    /// Whether the value that the node `index` makes is taken where that node is not.
    fn leaves(&self, value: &str, index: usize) -> bool {
        let mut takers = self.uses.consumers(value).iter();
        let is_elsewhere = |&taker: &usize| !self.splits[taker].is_subset(&self.splits[index]);
        self.uses.is_output(value) || takers.any(is_elsewhere)
    }

    /// Type and shape of a value, as far as they are known.
    fn describe(&self, name: &str) -> Result<ValueInfoProto, RewriteError> {
        if let Some(known) = self.graph.value_named(name) {
            let mut known = known.clone();
            let shape = self.cast_shape(name);
            // Exporters leave the shape of scalars out, which inputs and outputs must have.
            if let Some(tensor) = known.tensor_mut().filter(|tensor| tensor.shape.is_none()) {
                tensor.shape = shape;
            }
            return Ok(known);
        }
        let dtype = self.types.get(name).filter(|&&dtype| dtype != DataType::Undefined);
        let dtype = *dtype.ok_or_else(|| {
            unfit(format!("the graph does not say what `{name}` is, which goes between splits"))
        })?;
        let mut value = value_info(name, dtype, None);
        if let Some(tensor) = value.tensor_mut() {
            tensor.shape = self.cast_shape(name);
        }
        Ok(value)
    }

    /// Shape of what a cast makes: that of what it takes.
    fn cast_shape(&self, name: &str) -> Option<TensorShapeProto> {
        let node = &self.graph.node[self.uses.producer(name)?];
        let source = self.graph.value_named(node.input_at(0)).filter(|_| node.is("Cast"))?;
        source.shape().cloned()
    }
}
