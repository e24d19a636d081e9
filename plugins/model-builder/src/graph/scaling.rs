//! What Gemma does with its numbers on the way in and out: the embedding times a factor, logits
//! below a cap.

use olive_kit_onnx::Node;

use super::constant::python;
use super::{Planner, Value, hidden_shape, output_of};

impl Planner<'_> {
    /// The embedding times its factor, where the family has one.
    pub(super) fn scaled_embedding(&mut self, base: &str, embedding: Value) -> Value {
        let Some(scale) = self.decoder.embedding_scale else { return embedding };
        // The original rounds so; of transformers' own factor bfloat16 keeps less.
        let scale = (scale * 100.0).round_ties_even() / 100.0;
        let factor = self.number(&python(scale), self.target.io);
        let name = format!("{base}/Mul");
        let node = Node::new("Mul", &name).inputs([embedding, factor]);
        self.node(node, &name, self.io(), Some(&hidden_shape(self.decoder.hidden_size)))
    }

    /// `cap * tanh(logits / cap)` as `output`; the logits are those that [`Self::logits`] makes.
    pub(super) fn capped_logits(&mut self, logits: &str, cap: f64, output: &str) {
        let cap = self.number(&python(cap), self.target.io);
        let mut capped = logits.to_owned();
        for (kind, with_cap) in [("Div", true), ("Tanh", false), ("Mul", true)] {
            let name = format!("/lm_head/softcap/{kind}");
            let is_last = kind == "Mul";
            let made = if is_last { output.to_owned() } else { output_of(&name) };
            let node = Node::new(kind, &name).inputs([&capped]).inputs(with_cap.then_some(&cap));
            self.graph.value(&made, self.io(), Some(&self.logits_shape()));
            self.graph.node(node.outputs([&made]));
            capped = made;
        }
    }
}
