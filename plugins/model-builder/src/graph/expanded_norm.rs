//! RMS norms as the operators they consist of, for providers that fuse these themselves.
//!
//! `x / sqrt(mean(x^2) + epsilon) * weight`, all but the last product in 32-bit float.

use olive_kit_checkpoint::Dtype;
use olive_kit_onnx::Node;
use olive_kit_onnx::proto::tensor_proto::DataType;

use super::constant::{Constant, python};
use super::{Planner, hidden_shape};

impl Planner<'_> {
    /// The norm of `residual` and `update` together, and that sum, under the names `output` and
    /// `sum`.
    pub(super) fn expanded_skip_norm(
        &mut self,
        base: &str,
        residual: &str,
        update: &str,
        weight: &str,
        sum: &str,
        output: &str,
    ) {
        let base = format!("{base}/SkipLayerNorm");
        let shape = hidden_shape(self.decoder.hidden_size);
        let add = Node::new("Add", format!("{base}/Add")).inputs([residual, update]);
        self.graph.value(sum, self.stream(), Some(&shape));
        self.graph.node(add.outputs([sum]));
        self.expanded_norm(&format!("{base}/skip_simplified_layer_norm"), sum, weight, output);
    }

    /// The norm of `input` under the name `output`.
    pub(super) fn expanded_norm(&mut self, base: &str, input: &str, weight: &str, output: &str) {
        let shape = hidden_shape(self.decoder.hidden_size);
        let wide = self.cast(&format!("{base}/Cast"), input, DataType::Float, Some(&shape));
        let two = self.number("2", Dtype::F32);
        let square = self.wide_node(base, "Pow", [&wide, &two]);
        let last_axis = self.constant(&Constant::List(vec![-1]));
        let mean = self.wide_node(base, "ReduceMean", [&square, &last_axis]);
        let epsilon = self.number(&python(self.decoder.norm_epsilon), Dtype::F32);
        let safe = self.wide_node(base, "Add", [&mean, &epsilon]);
        let root = self.wide_node(base, "Sqrt", [&safe]);
        let one = self.number("1", Dtype::F32);
        let factor = self.wide_node(base, "Div", [&one, &root]);
        let normed = self.wide_node(base, "Mul", [&factor, &wide]);
        let normed = self.cast(&format!("{base}/Cast_1"), &normed, self.stream(), Some(&shape));
        let scaled = Node::new("Mul", format!("{base}/Mul_1")).inputs([normed.as_str(), weight]);
        self.graph.node(scaled.outputs([output]));
    }

    fn wide_node<const N: usize>(&mut self, base: &str, kind: &str, inputs: [&str; N]) -> String {
        let name = format!("{base}/{kind}");
        let node = Node::new(kind, &name).inputs(inputs);
        let node = if kind == "ReduceMean" { node.attribute("keepdims", 1) } else { node };
        let shape = hidden_shape(self.decoder.hidden_size);
        self.node(node, &name, DataType::Float, Some(&shape))
    }
}
