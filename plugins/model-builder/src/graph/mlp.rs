//! The MLP: `down(activation(gate(x)) * up(x))`.

use olive_kit_checkpoint::{Activation, Linear, LinearRole};
use olive_kit_onnx::Node;

use super::{Planner, Value, hidden_shape, output_of};

impl Planner<'_> {
    /// What the MLP adds to the residual stream.
    pub(super) fn mlp(&mut self, layer: usize, linears: &[Linear], input: &str) -> Value {
        let base = format!("/model/layers.{layer}/mlp");
        let (gate, up) = self.gate_and_up(&base, linears, input);
        let activated = self.activation(&base, &gate);
        let product = self.multiply(&format!("{base}/Mul"), &activated, &up);
        self.layer_product(&format!("{base}/down_proj"), &product, linears, &[LinearRole::Down])
    }

    /// Gate and up, cut apart where the family stores them as one; that one has no biases.
    fn gate_and_up(&mut self, base: &str, linears: &[Linear], input: &str) -> (Value, Value) {
        let (gate, up) = (format!("{base}/gate_proj"), format!("{base}/up_proj"));
        let inner = self.decoder.intermediate_size;
        if self.layout.packs_gate_up {
            return self.packed_gate_and_up(base, linears, input);
        }
        match linears.iter().find(|linear| linear.role == LinearRole::GateUp) {
            Some(fused) => {
                let mut part = |base: &str, rows| self.rows_product(base, input, fused, rows);
                (part(&gate, 0..inner), part(&up, inner..2 * inner))
            }
            None => (
                self.layer_product(&gate, input, linears, &[LinearRole::Gate]),
                self.layer_product(&up, input, linears, &[LinearRole::Up]),
            ),
        }
    }

    /// Gate and up as one product that is split.
    fn packed_gate_and_up(
        &mut self,
        base: &str,
        linears: &[Linear],
        input: &str,
    ) -> (Value, Value) {
        use LinearRole::{Gate, GateUp, Up};
        let packed = format!("{base}/gate_up_proj");
        let product = self.layer_product(&packed, input, linears, &[GateUp, Gate, Up]);
        let parts =
            ["gate_proj", "up_proj"].map(|part| output_of(&format!("{base}/{part}/MatMul")));
        let shape = hidden_shape(self.decoder.intermediate_size);
        for part in &parts {
            self.graph.value(part, self.io(), Some(&shape));
        }
        let node = Node::new("Split", format!("{packed}/Split")).inputs([product]);
        let node = node.outputs(&parts).attribute("axis", -1).attribute("num_outputs", 2);
        self.graph.node(node);
        let [gate, up] = parts;
        (gate, up)
    }

    fn activation(&mut self, base: &str, gate: &str) -> Value {
        match self.decoder.activation {
            Activation::GeluTanh => {
                let name = format!("{base}/act_fn/FastGelu");
                let shape = hidden_shape(self.decoder.intermediate_size);
                let node = Node::new("Gelu", &name).inputs([gate]);
                let node = node.attribute("approximate", "tanh");
                self.node(node, &name, self.io(), Some(&shape))
            }
            Activation::Silu => {
                let name = format!("{base}/act_fn/Sigmoid");
                let shape = hidden_shape(self.decoder.intermediate_size);
                let sigmoid = Node::new("Sigmoid", &name).inputs([gate]);
                let sigmoid = self.node(sigmoid, &name, self.io(), Some(&shape));
                self.multiply(&format!("{base}/act_fn/Mul"), gate, &sigmoid)
            }
        }
    }

    fn multiply(&mut self, name: &str, left: &str, right: &str) -> Value {
        let shape = hidden_shape(self.decoder.intermediate_size);
        let node = Node::new("Mul", name).inputs([left, right]);
        self.node(node, name, self.io(), Some(&shape))
    }
}
