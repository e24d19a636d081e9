//! RMS norms, fused with the addition to the residual stream before them.
//!
//! The residual stream has the type of activations, but where a family norms what is added to it
//! (Gemma 2): that grows too large for 16 bits, and the stream and its norms are 32-bit float.

use olive_kit_checkpoint::{Decoder, Dtype};
use olive_kit_onnx::Node;
use olive_kit_onnx::proto::tensor_proto::DataType;

use super::{HIDDEN_STATES, Planner, Value, cast, hidden_shape, output_of};
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
            None => {
                let output = format!("{base}/output_0");
                self.norm_to(&base, &residual, &weight, &output);
                (output, residual)
            }
            Some(update) => self.skip_norm(&base, [&residual, &update, &weight]),
        }
    }

    /// The norm before the MLP: what it makes, and the residual stream it read.
    pub(super) fn mlp_norm(
        &mut self,
        layer: usize,
        residual: &str,
        update: &str,
    ) -> (Value, Value) {
        let kind = if self.decoder.has_output_norms { "pre_feedforward" } else { "post_attention" };
        let base = format!("/model/layers.{layer}/{kind}_layernorm");
        let weight = self.norm_weight(&base, self.decoder.norms(layer).mlp);
        self.skip_norm(&base, [residual, update, &weight])
    }

    /// What attention adds to the residual stream, normed where the family does.
    pub(super) fn attention_output_norm(&mut self, layer: usize, update: Value) -> Value {
        let tensor = self.decoder.norms(layer).attention_output;
        let base = format!("/model/layers.{layer}/post_attention_layernorm");
        self.output_norm(&base, tensor, update)
    }

    /// What the MLP adds to the residual stream, normed where the family does.
    pub(super) fn mlp_output_norm(&mut self, layer: usize, update: Value) -> Value {
        let tensor = self.decoder.norms(layer).mlp_output;
        let base = format!("/model/layers.{layer}/post_feedforward_layernorm");
        self.output_norm(&base, tensor, update)
    }

    /// The norm after the last layer; `layer` counts on from that.
    pub(super) fn final_norm(
        &mut self,
        layer: usize,
        residual: &str,
        update: Option<&str>,
    ) -> Value {
        let base = format!("/model/layers.{layer}/final_norm_layernorm");
        let weight = self.norm_weight(&base, Decoder::FINAL_NORM.to_owned());
        let is_output = self.layout.output.has_hidden_states();
        let output = if is_output { HIDDEN_STATES.to_owned() } else { format!("{base}/output_0") };
        match update {
            None => self.norm_to(&base, residual, &weight, &output),
            Some(update) => {
                self.skip_norm_to(&base, [residual, update, &weight], None, &output);
            }
        }
        output
    }

    /// Type of the residual stream.
    pub(super) fn stream(&self) -> DataType {
        if self.decoder.has_output_norms { DataType::Float } else { self.io() }
    }

    /// The weight of a norm, whose initializer is called after `base`.
    pub(super) fn norm_weight(&mut self, base: &str, tensor: String) -> String {
        let name = format!("{}.weight", base.trim_start_matches('/').replace('/', "."));
        let dtype = if self.stream() == self.io() { self.target.io } else { Dtype::F32 };
        self.float_weights.push(Weight::Norm {
            name: name.clone(),
            tensor,
            adds_one: self.decoder.norm_adds_one,
            dtype,
        });
        name
    }

    /// A norm of its own: `SimplifiedLayerNormalization`, still without inputs and outputs.
    pub(super) fn norm_node(&self, name: &str) -> Node {
        Node::new("SimplifiedLayerNormalization", name)
            .attribute("epsilon", self.epsilon())
            .attribute("axis", -1)
            .attribute("stash_type", 1)
    }

    /// Epsilon of every norm.
    #[expect(clippy::cast_possible_truncation, reason = "attributes are 32-bit float")]
    pub(super) fn epsilon(&self) -> f32 {
        self.decoder.norm_epsilon as f32
    }

    /// The norm of the residual stream as the value `output`, in the type of activations.
    fn norm_to(&mut self, base: &str, input: &str, weight: &str, output: &str) {
        let name = format!("{base}/LayerNorm");
        let made = self.made(&name, output);
        self.stream_norm(&name, input, weight, &made);
        self.narrow(&name, &made, output);
    }

    /// `update` normed, in the type of the residual stream; as it is without a norm.
    fn output_norm(&mut self, base: &str, tensor: Option<String>, update: Value) -> Value {
        let Some(tensor) = tensor else { return update };
        let weight = self.norm_weight(base, tensor);
        let name = format!("{base}/LayerNorm");
        let input = self.in_stream(&format!("{name}/root_input"), update);
        let output = format!("{base}/output_0");
        self.stream_norm(&name, &input, &weight, &output);
        output
    }

    /// `input`, of the type of activations, in the type of the residual stream.
    pub(super) fn in_stream(&mut self, base: &str, input: Value) -> Value {
        if self.stream() == self.io() {
            return input;
        }
        let shape = hidden_shape(self.decoder.hidden_size);
        self.cast(&format!("{base}/Cast"), &input, self.stream(), Some(&shape))
    }

    /// The norm of the residual stream as the value `output`, in its own type.
    fn stream_norm(&mut self, name: &str, input: &str, weight: &str, output: &str) {
        self.graph.value(output, self.stream(), Some(&hidden_shape(self.decoder.hidden_size)));
        if self.target.expands_norms() {
            return self.expanded_norm(name, input, weight, output);
        }
        self.graph.node(self.norm_node(name).inputs([input, weight]).outputs([output]));
    }

    fn skip_norm(&mut self, base: &str, inputs: [&str; 3]) -> (Value, Value) {
        let [output, sum] = [0, 3].map(|index| format!("{base}/output_{index}"));
        self.graph.value(&sum, self.stream(), Some(&hidden_shape(self.decoder.hidden_size)));
        self.skip_norm_to(base, inputs, Some(&sum), &output);
        (output, sum)
    }

    /// The norm of residual stream and update, with the weight, as the value `output` in the type
    /// of activations; their sum is the value `sum`.
    fn skip_norm_to(&mut self, base: &str, inputs: [&str; 3], sum: Option<&str>, output: &str) {
        let name = format!("{base}/SkipLayerNorm");
        let made = self.made(&name, output);
        self.graph.value(&made, self.stream(), Some(&hidden_shape(self.decoder.hidden_size)));
        if self.target.expands_norms() {
            let unnamed = output_of(&format!("{name}/Add"));
            let [residual, update, weight] = inputs;
            let sum = sum.unwrap_or(&unnamed);
            self.expanded_skip_norm(base, residual, update, weight, sum, &made);
        } else {
            let node = Node::new("SkipSimplifiedLayerNormalization", &name)
                .domain(Node::MICROSOFT)
                .inputs(inputs)
                .outputs([made.as_str()])
                .outputs(sum.map(|sum| ["", "", sum]).into_iter().flatten())
                .attribute("epsilon", self.epsilon());
            self.graph.node(node);
        }
        self.narrow(&name, &made, output);
    }

    /// What the norm called `name` makes, where `output` is wanted in the type of activations.
    fn made(&self, name: &str, output: &str) -> Value {
        if self.stream() == self.io() {
            return output.to_owned();
        }
        format!("{name}/output_0/Cast/output_0")
    }

    /// Turns what the norm called `name` has made into `output`, of the type of activations.
    fn narrow(&mut self, name: &str, made: &str, output: &str) {
        if made == output {
            return;
        }
        let shape = hidden_shape(self.decoder.hidden_size);
        self.graph.value(output, self.io(), Some(&shape));
        let node = cast(&format!("{name}/output_0/Cast"), made, self.io());
        self.graph.node(node.outputs([output]));
    }
}
