//! A model without its weights.

use olive_kit_onnx::proto::{AttributeProto, GraphProto, NodeProto, OperatorSetIdProto};
use olive_kit_onnx::{GraphProblem, Model, each_graph_mut, sort};
use olive_schemas::graph::{Attribute, GraphBody, GraphView, NodeView};

use super::{attributes, describe};
use crate::error::RewriteError;

/// Graphs inside graphs that a reader of JSON follows: each is five levels of it, of 128.
const NESTED: usize = 20;

/// Puts the nodes of every graph of `model` in the order in which they are counted.
///
/// # Errors
/// When a node needs its own output.
pub(super) fn sort_all(model: &mut Model) -> Result<(), RewriteError> {
    let mut circle = None;
    each_graph_mut(&mut model.graph, &mut |graph| {
        if let Err(node) = sort(graph) {
            circle.get_or_insert(node);
        }
    });
    circle.map_or(Ok(()), |node| Err(RewriteError::Broken(GraphProblem::Cycle { node })))
}

/// The view of a model whose nodes are in order.
///
/// # Errors
/// When a small tensor cannot be read, or graphs are nested too deep.
pub(super) fn view(model: &Model) -> Result<GraphView, RewriteError> {
    let header = &model.header;
    let opsets = header.opset_import.iter();
    let metadata = header.metadata_props.iter();
    let functions = header.functions.iter();
    let producer = format!("{} {}", header.producer_name(), header.producer_version());
    Ok(GraphView {
        ir_version: header.ir_version(),
        producer: producer.trim().to_owned(),
        opsets: opsets.map(|opset| (opset.domain().to_owned(), version(opset))).collect(),
        metadata: metadata
            .map(|entry| (entry.key().to_owned(), entry.value().to_owned()))
            .collect(),
        functions: functions
            .map(|function| format!("{}::{}", function.domain(), function.name()))
            .collect(),
        graph: Viewer { model, graphs: 0, nodes: 0 }.graph(&model.graph, 0)?,
    })
}

/// Counts graphs and nodes while it describes them.
struct Viewer<'a> {
    model: &'a Model,
    graphs: u32,
    nodes: u32,
}

impl Viewer<'_> {
    fn graph(&mut self, graph: &GraphProto, depth: usize) -> Result<GraphBody, RewriteError> {
        if depth > NESTED {
            return Err(RewriteError::Unfit {
                edit: "view",
                problem: format!("graphs are nested more than {NESTED} deep"),
            });
        }
        let id = self.graphs;
        self.graphs += 1;
        let weights = graph.initializer.iter();
        let weights = weights.map(|weight| describe::tensor(self.model, weight));
        let sparse = graph.sparse_initializer.iter().map(describe::sparse_tensor).map(Ok);
        let weights = weights.chain(sparse).collect::<Result<_, _>>()?;
        let nodes = graph.node.iter().map(|node| self.node(node, depth));
        Ok(GraphBody {
            id,
            name: graph.name().to_owned(),
            nodes: nodes.collect::<Result<_, _>>()?,
            inputs: graph.input.iter().map(describe::value).collect(),
            outputs: graph.output.iter().map(describe::value).collect(),
            values: graph.value_info.iter().map(describe::value).collect(),
            weights,
        })
    }

    fn node(&mut self, node: &NodeProto, depth: usize) -> Result<NodeView, RewriteError> {
        let id = self.nodes;
        self.nodes += 1;
        let attributes = node.attribute.iter();
        let attributes = attributes
            .map(|attribute| Ok((attribute.name().to_owned(), self.attribute(attribute, depth)?)));
        Ok(NodeView {
            id,
            attributes: attributes.collect::<Result<_, RewriteError>>()?,
            name: node.name().to_owned(),
            op_type: node.op_type().to_owned(),
            domain: node.domain().to_owned(),
            inputs: node.input.clone(),
            outputs: node.output.clone(),
        })
    }

    fn attribute(
        &mut self,
        attribute: &AttributeProto,
        depth: usize,
    ) -> Result<Attribute, RewriteError> {
        let one = attribute.g.as_ref().map(|graph| self.graph(graph, depth + 1)).transpose()?;
        let many = attribute.graphs.iter().map(|graph| self.graph(graph, depth + 1));
        let many = many.collect::<Result<Vec<_>, _>>()?;
        match one {
            Some(graph) => Ok(Attribute::Graph(Box::new(graph))),
            None if !many.is_empty() => Ok(Attribute::Graphs(many)),
            None => attributes::view(self.model, attribute),
        }
    }
}

fn version(opset: &OperatorSetIdProto) -> i64 {
    opset.version()
}
