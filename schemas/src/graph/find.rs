//! Finding one's way in a graph.
//!
//! ```
//! use olive_schemas::graph::{GraphBody, Uses};
//! use serde_json::json;
//!
//! let graph: GraphBody = serde_json::from_value(json!({
//!     "inputs": [{"name": "x"}],
//!     "outputs": [{"name": "y"}],
//!     "nodes": [
//!         {"id": 0, "op_type": "Softmax", "inputs": ["x"], "outputs": ["s"],
//!          "attributes": {"axis": {"int": -1}}},
//!         {"id": 1, "op_type": "Identity", "inputs": ["s"], "outputs": ["y"]}
//!     ]
//! }))
//! .unwrap();
//! let uses = Uses::of(&graph);
//! let softmax = uses.producer("s").unwrap();
//! assert_eq!((softmax.id, softmax.int("axis")), (0, Some(-1)));
//! assert_eq!(uses.consumers("s")[0].op_type, "Identity");
//! assert!(graph.is_output("y") && uses.consumers("y").is_empty());
//! ```

use std::collections::BTreeMap;

use super::{Attribute, GraphBody, GraphView, NodeView, Number, TensorView};

/// Who makes and who takes the values of a graph.
#[derive(Debug, Default)]
pub struct Uses<'a> {
    producers: BTreeMap<&'a str, &'a NodeView>,
    consumers: BTreeMap<&'a str, Vec<&'a NodeView>>,
}

impl<'a> Uses<'a> {
    /// The makers and takers among the nodes of `graph` and of all graphs inside them.
    pub fn of(graph: &'a GraphBody) -> Self {
        let mut uses = Self::default();
        for body in graph.bodies() {
            for node in &body.nodes {
                let made = node.outputs.iter().filter(|name| !name.is_empty());
                uses.producers.extend(made.map(|name| (name.as_str(), node)));
                for name in node.inputs.iter().filter(|name| !name.is_empty()) {
                    uses.consumers.entry(name).or_default().push(node);
                }
            }
        }
        uses
    }

    /// The node that makes `value`; none for inputs and initializers.
    pub fn producer(&self, value: &str) -> Option<&'a NodeView> {
        self.producers.get(value).copied()
    }

    /// The nodes that take `value`, one that takes it twice being there twice. Outputs of a graph
    /// take values too, and are not among them.
    pub fn consumers(&self, value: &str) -> &[&'a NodeView] {
        self.consumers.get(value).map_or(&[], Vec::as_slice)
    }
}

impl GraphView {
    /// Every graph of the model in the order of their numbers.
    pub fn bodies(&self) -> Vec<&GraphBody> {
        self.graph.bodies()
    }
}

impl GraphBody {
    /// This graph and every graph inside its nodes, in the order of their numbers.
    pub fn bodies(&self) -> Vec<&Self> {
        let inside = self.nodes.iter().flat_map(NodeView::bodies).flat_map(Self::bodies);
        std::iter::once(self).chain(inside).collect()
    }

    /// Whether `value` comes in from outside.
    pub fn is_input(&self, value: &str) -> bool {
        self.inputs.iter().any(|input| input.name == value)
    }

    /// Whether `value` goes out.
    pub fn is_output(&self, value: &str) -> bool {
        self.outputs.iter().any(|output| output.name == value)
    }

    /// The initializer called `name`.
    pub fn weight(&self, name: &str) -> Option<&TensorView> {
        self.weights.iter().find(|weight| weight.name == name)
    }
}

impl NodeView {
    /// Whether it is of ONNX's own operator `op_type`.
    pub fn is(&self, op_type: &str) -> bool {
        self.op_type == op_type && matches!(self.domain.as_str(), "" | "ai.onnx")
    }

    /// The graphs that its attributes hold.
    pub fn bodies(&self) -> impl Iterator<Item = &GraphBody> {
        self.attributes.values().flat_map(|attribute| match attribute {
            Attribute::Graph(body) => std::slice::from_ref(&**body),
            Attribute::Graphs(bodies) => bodies,
            _ => &[],
        })
    }

    /// The attribute `name` when it is a whole number.
    pub fn int(&self, name: &str) -> Option<i64> {
        let Attribute::Int(number) = self.attributes.get(name)? else { return None };
        number.as_i64()
    }

    /// The attribute `name` when it is whole numbers.
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        let Attribute::Ints(numbers) = self.attributes.get(name)? else { return None };
        numbers.iter().map(Number::as_i64).collect()
    }

    /// The attribute `name` when it is a number.
    pub fn float(&self, name: &str) -> Option<f64> {
        let Attribute::Float(number) = self.attributes.get(name)? else { return None };
        number.as_f64()
    }

    /// The attribute `name` when it is numbers.
    pub fn floats(&self, name: &str) -> Option<Vec<f64>> {
        let Attribute::Floats(numbers) = self.attributes.get(name)? else { return None };
        numbers.iter().map(Number::as_f64).collect()
    }

    /// The attribute `name` when it is a text.
    pub fn string(&self, name: &str) -> Option<&str> {
        let Attribute::String(text) = self.attributes.get(name)? else { return None };
        Some(text)
    }

    /// The attribute `name` when it is a tensor.
    pub fn tensor(&self, name: &str) -> Option<&TensorView> {
        let Attribute::Tensor(tensor) = self.attributes.get(name)? else { return None };
        Some(tensor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{GraphView, Uses};

    fn branching() -> GraphView {
        let branch = |id: u32, node: u32| {
            json!({"graph": {"id": id, "outputs": [{"name": format!("b{id}")}], "nodes": [
                {"id": node, "op_type": "Relu", "inputs": ["x", ""], "outputs": [format!("b{id}")]}
            ]}})
        };
        let view = json!({"graph": {
            "inputs": [{"name": "x"}, {"name": "c"}],
            "outputs": [{"name": "y"}],
            "weights": [{"name": "w", "dtype": "FLOAT", "dims": [2], "bytes": 8, "values": [1, 2]}],
            "nodes": [
                {"id": 0, "op_type": "If", "inputs": ["c"], "outputs": ["z"], "attributes": {
                    "then_branch": branch(1, 1), "else_branch": branch(2, 2)}},
                {"id": 3, "op_type": "Mul", "inputs": ["z", "z"], "outputs": ["y"], "attributes": {
                    "axes": {"ints": [0, "1"]}, "alpha": {"float": 0.5}, "scales": {"floats": [1]},
                    "mode": {"string": "linear"}, "value": {"tensor": {"dtype": "INT64", "dims": []}}
                }}
            ]
        }});
        serde_json::from_value(view).unwrap()
    }

    #[test]
    fn takers_are_found_in_graphs_inside_nodes() {
        let view = branching();
        assert_eq!(view.bodies().iter().map(|body| body.id).collect::<Vec<_>>(), [0, 1, 2]);
        let uses = Uses::of(&view.graph);
        let ids = |value| uses.consumers(value).iter().map(|node| node.id).collect::<Vec<_>>();
        assert_eq!((ids("x"), ids("z"), ids("")), (vec![1, 2], vec![3, 3], vec![]));
        let made = |value| uses.producer(value).map(|node| node.id);
        assert_eq!((made("b2"), made("y"), made("x")), (Some(2), Some(3), None));
    }

    #[test]
    fn attributes_are_given_by_their_kind() {
        let view = branching();
        let node = &view.graph.nodes[1];
        assert!(node.is("Mul") && !node.is("Add"));
        assert_eq!(node.ints("axes"), Some(vec![0, 1]));
        assert_eq!((node.int("axes"), node.int("none")), (None, None));
        assert_eq!((node.float("alpha"), node.floats("scales")), (Some(0.5), Some(vec![1.0])));
        assert_eq!((node.string("mode"), node.float("mode")), (Some("linear"), None));
        assert_eq!(node.tensor("value").map(|tensor| &*tensor.dtype), Some("INT64"));
        assert!(view.graph.is_input("c") && !view.graph.is_output("c"));
        assert_eq!(view.graph.weight("w").map(|weight| weight.bytes), Some(8));
    }
}
