//! Graphs under construction.

use std::collections::{HashMap, HashSet};

use crate::node::Node;
use crate::proto::tensor_proto::DataType;
use crate::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::value::{Dim, value_info};

/// A graph under construction: nodes in the order they are added, and the types of their values.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    name: String,
    nodes: Vec<NodeProto>,
    node_names: HashSet<String>,
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
    values: HashMap<String, ValueInfoProto>,
}

impl GraphBuilder {
    /// An empty graph called `name`.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Adds an input of the graph.
    pub fn input(&mut self, name: &str, dtype: DataType, shape: &[Dim]) {
        self.inputs.push(value_info(name, dtype, Some(shape)));
    }

    /// Adds an output of the graph.
    pub fn output(&mut self, name: &str, dtype: DataType, shape: &[Dim]) {
        self.outputs.push(value_info(name, dtype, Some(shape)));
    }

    /// Adds a node. Its inputs must be known by then: ONNX wants nodes in order of computation.
    pub fn node(&mut self, node: Node) {
        let node = node.into_proto();
        self.node_names.extend(node.name.clone());
        self.nodes.push(node);
    }

    /// Whether there is a node called `name`.
    pub fn has_node(&self, name: &str) -> bool {
        self.node_names.contains(name)
    }

    /// Says what the output `name` of a node is; without a shape its rank is unknown.
    pub fn value(&mut self, name: &str, dtype: DataType, shape: Option<&[Dim]>) {
        self.values.insert(name.to_owned(), value_info(name, dtype, shape));
    }

    /// The graph with these initializers.
    ///
    /// Value infos describe the initializers, then the outputs of the nodes that were described
    /// and are not outputs of the graph.
    pub fn finish(mut self, initializers: Vec<TensorProto>) -> GraphProto {
        for output in &self.outputs {
            self.values.remove(output.name());
        }
        let mut value_infos: Vec<_> = initializers.iter().map(initializer_info).collect();
        for output in self.nodes.iter().flat_map(|node| &node.output) {
            value_infos.extend(self.values.remove(output));
        }
        GraphProto {
            name: Some(self.name),
            node: self.nodes,
            initializer: initializers,
            input: self.inputs,
            output: self.outputs,
            value_info: value_infos,
            ..GraphProto::default()
        }
    }
}

fn initializer_info(initializer: &TensorProto) -> ValueInfoProto {
    let shape: Vec<Dim> = initializer.dims.iter().map(|&dim| dim.into()).collect();
    let dtype = DataType::try_from(initializer.data_type()).unwrap_or_default();
    value_info(initializer.name(), dtype, Some(&shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_infos_follow_initializers_then_nodes_and_spare_outputs() {
        let mut graph = GraphBuilder::new("g");
        graph.input("x", DataType::Float, &["n".into()]);
        graph.output("z", DataType::Float, &["n".into()]);
        graph.value("z", DataType::Float, None);
        graph.value("y", DataType::Float, Some(&["n".into()]));
        graph.node(Node::new("Mul", "mul").inputs(["x", "w"]).outputs(["y"]));
        graph.node(Node::new("Neg", "neg").inputs(["y"]).outputs(["z"]));
        assert!(graph.has_node("mul") && !graph.has_node("y"));

        let weight = crate::raw_tensor("w", DataType::Float, &[1], vec![0; 4]);
        let graph = graph.finish(vec![weight]);
        let names: Vec<_> = graph.value_info.iter().map(ValueInfoProto::name).collect();
        assert_eq!(names, ["w", "y"]);
    }
}
