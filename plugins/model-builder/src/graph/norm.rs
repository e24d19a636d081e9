//! RMS norms, fused with the addition to the residual stream before them.

use olive_kit_checkpoint::Decoder;
use olive_kit_onnx::Node;

use super::{HIDDEN_STATES, Planner, Value, hidden_shape, output_of};
use crate::weights::Weight;

impl Planner<'_> {
    /// The norm before attention: what it makes, and the residual stream it read.
    pub(super) fn input_norm(
        &mut self,
        layer: usize,
        residual: Value,
        update: Option<Value>,
    ) -> (Value, Value) {
        let base = format!("/model/layers.{layer}/input_layernorm");
        let weight = self.norm_weight(&base, self.decoder.norms(layer).attention);
        match update {
            None => (self.norm(&base, &residual, &weight), residual),
            Some(update) => self.skip_norm(&base, &residual, &update, &weight),
        }
    }

    /// The norm before the MLP: what it makes, and the residual stream it read.
    pub(super) fn post_attention_norm(
        &mut self,
        layer: usize,
        residual: &str,
        update: &str,
    ) -> (Value, Value) {
        let base = format!("/model/layers.{layer}/post_attention_layernorm");
        let weight = self.norm_weight(&base, self.decoder.norms(layer).mlp);
        self.skip_norm(&base, residual, update, &weight)
    }

    /// The norm after the last layer; `layer` counts on from that.
    pub(super) fn final_norm(
        &mut self,
        layer: usize,
        residual: Value,
        update: Option<Value>,
    ) -> Value {
        let base = format!("/model/layers.{layer}/final_norm_layernorm");
        let weight = self.norm_weight(&base, Decoder::FINAL_NORM.to_owned());
        let is_output = self.layout.output.has_hidden_states();
        let output = if is_output { HIDDEN_STATES.to_owned() } else { self.described(&base, 0) };
        match update {
            None => self.norm_into(&base, &residual, &weight, &output),
            Some(update) if self.target.expands_norms() => {
                let sum = output_of(&format!("{base}/SkipLayerNorm/Add"));
                self.expanded_skip_norm(&base, &residual, &update, &weight, &sum, &output);
            }
            Some(update) => {
                let inputs = [residual, update, weight];
                self.graph.node(self.skip_norm_node(&base).inputs(inputs).outputs([&output]));
            }
        }
        output
    }

    fn norm(&mut self, base: &str, input: &str, weight: &str) -> Value {
        let output = self.described(base, 0);
        self.norm_into(base, input, weight, &output);
        output
    }

    fn norm_into(&mut self, base: &str, input: &str, weight: &str, output: &str) {
        let name = format!("{base}/LayerNorm");
        if self.target.expands_norms() {
            self.expanded_norm(&name, input, weight, output);
            return;
        }
        let node = Node::new("SimplifiedLayerNormalization", name)
            .inputs([input, weight])
            .outputs([output])
            .attribute("epsilon", self.epsilon())
            .attribute("axis", -1)
            .attribute("stash_type", 1);
        self.graph.node(node);
    }

    fn skip_norm(
        &mut self,
        base: &str,
        residual: &str,
        update: &str,
        weight: &str,
    ) -> (Value, Value) {
        let (normed, sum) = (self.described(base, 0), self.described(base, 3));
        if self.target.expands_norms() {
            self.expanded_skip_norm(base, residual, update, weight, &sum, &normed);
            return (normed, sum);
        }
        let node = self.skip_norm_node(base).inputs([residual, update, weight]);
        self.graph.node(node.outputs([normed.as_str(), "", "", &sum]));
        (normed, sum)
    }

    fn skip_norm_node(&self, base: &str) -> Node {
        Node::new("SkipSimplifiedLayerNormalization", format!("{base}/SkipLayerNorm"))
            .domain(Node::MICROSOFT)
            .attribute("epsilon", self.epsilon())
    }

    fn described(&mut self, base: &str, output: usize) -> Value {
        let name = format!("{base}/output_{output}");
        let shape = hidden_shape(self.decoder.hidden_size);
        self.graph.value(&name, self.io(), Some(&shape));
        name
    }

    fn norm_weight(&mut self, base: &str, tensor: String) -> String {
        let name = format!("{}.weight", base.trim_start_matches('/').replace('/', "."));
        let dtype = self.target.io;
        self.float_weights.push(Weight::Stored { name: name.clone(), tensor, dtype });
        name
    }

    #[expect(clippy::cast_possible_truncation, reason = "attributes are 32-bit float")]
    fn epsilon(&self) -> f32 {
        self.decoder.norm_epsilon as f32
    }
}
