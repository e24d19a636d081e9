//! Each operator that takes codes, as ONNX Runtime's quantizer writes it.

use olive_kit_onnx::Node;
use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::proto::tensor_proto::DataType;

use super::{Codes, Walk, Want};
use crate::numbers::integer_weight;

impl Walk<'_> {
    /// Writes `node` with codes; `false` when it is none that can be.
    pub(super) fn quantize(&mut self, node: &NodeProto) -> bool {
        let (first, second) = (node.input_at(0), node.input_at(1));
        // Products take one scale of what is multiplied with the weight.
        if self.codes.get(first).is_some_and(|codes| codes.per_channel) {
            return false;
        }
        if node.is_microsoft("Attention") {
            let has_sizes = node.attribute_named("qkv_hidden_sizes").is_some();
            return self.is_constant(second) && !has_sizes && self.attention(node);
        }
        if !node.is(node.op_type()) {
            return false;
        }
        match node.op_type() {
            "MatMul" if self.is_constant(second) => {
                self.product(node, node.name(), node.output_at(0), false)
            }
            "Gemm" if self.is_constant(second) && is_plain(node) => self.product_and_sum(node),
            "Conv" if self.is_constant(second) => self.convolution(node),
            "Gather" if self.is_constant(first) => self.lookup(node),
            "Transpose" => self.transpose(node),
            _ => false,
        }
    }

    /// `MatMulInteger` and the scales of what it gives.
    fn product(&mut self, node: &NodeProto, name: &str, output: &str, is_turned: bool) -> bool {
        let input = self.activation(node.input_at(0));
        let per_channel = self.config.per_channel;
        let want = Want { is_activation: false, per_channel, is_turned };
        let matrix = self.weight(node.input_at(1), want);
        let label = labeled(name, "_quant");
        let product = Node::new("MatMulInteger", label.clone()).into_proto();
        self.scaled(product, &label, [&input, &matrix], output);
        true
    }

    /// A product with a sum as two nodes.
    fn product_and_sum(&mut self, node: &NodeProto) -> bool {
        let is_turned = node.int("transB").unwrap_or(0) != 0;
        let name = labeled(node.name(), "_MatMul");
        let (output, bias) = (node.output_at(0), node.input_at(2));
        if bias.is_empty() {
            return self.product(node, &name, output, is_turned);
        }
        let between = format!("{output}_MatMul");
        self.product(node, &name, &between, is_turned);
        self.dequantize(bias);
        let sum = Node::new("Add", labeled(node.name(), "_Add"));
        self.push(sum.inputs([between.as_str(), bias]).outputs([output]).into_proto());
        true
    }

    /// `ConvInteger`, the scales of what it gives, and the bias.
    fn convolution(&mut self, node: &NodeProto) -> bool {
        let input = self.activation(node.input_at(0));
        let want = Want { is_activation: false, per_channel: false, is_turned: false };
        let kernel = self.weight(node.input_at(1), want);
        let (output, bias) = (node.output_at(0), node.input_at(2));
        let label = labeled(node.name(), "_quant");
        let mut sum = Node::new("ConvInteger", label.clone()).into_proto();
        sum.attribute.clone_from(&node.attribute);
        let scaled = if bias.is_empty() {
            output.to_owned()
        } else {
            format!("{output}quant_scaled_output")
        };
        self.scaled(sum, &label, [&input, &kernel], &scaled);
        if bias.is_empty() {
            return true;
        }
        self.dequantize(bias);
        let rank = self.model.weight(node.input_at(1)).map_or(0, |kernel| kernel.dims.len());
        let mut shape = vec![1; rank];
        shape[1] = -1;
        let [shape_name, turned] =
            ["_bias_reshape_shape", "_bias_reshape_output"].map(|end| format!("{output}{end}"));
        self.model.graph.initializer.push(integer_weight(&shape_name, &shape));
        let reshape = Node::new("Reshape", "").inputs([bias, &shape_name]).outputs([&turned]);
        self.push(reshape.into_proto());
        let add = Node::new("Add", format!("{output}_bias_add"));
        self.push(add.inputs([&scaled, &turned]).outputs([output]).into_proto());
        true
    }

    /// `operator` on codes, its sum of integers brought to numbers.
    fn scaled(&mut self, mut operator: NodeProto, label: &str, inputs: [&Codes; 2], output: &str) {
        let [first, second] = inputs;
        let sum = format!("{output}_output_quantized");
        let cast = format!("{sum}_cast_output");
        operator.input = [&first.name, &second.name, &first.zero_point, &second.zero_point]
            .map(Clone::clone)
            .to_vec();
        operator.output = vec![sum.clone()];
        self.push(operator);
        let node = Node::new("Cast", format!("{sum}_cast")).inputs([&sum]).outputs([&cast]);
        self.push(node.attribute("to", i64::from(i32::from(DataType::Float))).into_proto());
        let shared = format!("{}_{}_mul", first.scale, second.scale);
        let name = if label.is_empty() { shared } else { labeled(label, "_scales_mul") };
        let scales = format!("{name}:0");
        if !self.made.contains(&scales) {
            let node = Node::new("Mul", name).inputs([&first.scale, &second.scale]);
            self.push(node.outputs([&scales]).into_proto());
        }
        let node = Node::new("Mul", labeled(label, "_output_scale_mul"));
        self.push(node.inputs([&cast, &scales]).outputs([output]).into_proto());
    }

    /// A lookup of codes.
    fn lookup(&mut self, node: &NodeProto) -> bool {
        let table = self.activation(node.input_at(0));
        self.dequantize(node.input_at(1));
        self.direct(node, &table);
        true
    }

    /// A transpose of codes, when there are some.
    fn transpose(&mut self, node: &NodeProto) -> bool {
        let codes = self.codes.get(node.input_at(0)).cloned();
        codes.is_some_and(|codes| {
            self.direct(node, &codes);
            true
        })
    }

    /// `node` on the codes `input`, which gives codes of the same grid.
    fn direct(&mut self, node: &NodeProto, input: &Codes) {
        let output = node.output_at(0);
        let codes = format!("{output}_quantized");
        let mut node = node.clone();
        node.input[0].clone_from(&input.name);
        node.output[0].clone_from(&codes);
        self.codes.insert(output.to_owned(), Codes { name: codes, ..input.clone() });
        self.push(node);
    }

    /// `QAttention` with packed projections.
    fn attention(&mut self, node: &NodeProto) -> bool {
        let input = self.activation(node.input_at(0));
        let per_channel = self.config.per_channel;
        let want = Want { is_activation: false, per_channel, is_turned: false };
        let matrix = self.weight(node.input_at(1), want);
        let rest = [2, 3, 4].map(|index| node.input_at(index));
        for value in rest {
            self.dequantize(value);
        }
        let [bias, mask, past] = rest;
        let inputs = [&input.name, &matrix.name, bias, &input.scale, &matrix.scale, mask];
        let inputs =
            inputs.into_iter().chain([input.zero_point.as_str(), &matrix.zero_point, past]);
        let mut attention = Node::new("QAttention", labeled(node.name(), "_quant"))
            .domain(Node::MICROSOFT)
            .inputs(inputs)
            .outputs(node.output.iter().cloned())
            .into_proto();
        attention.attribute.clone_from(&node.attribute);
        self.push(attention);
        true
    }
}

/// Whether a `Gemm` is a product and a sum, with no factor and its first input as it is.
fn is_plain(gemm: &NodeProto) -> bool {
    let is_one = |name| gemm.float(name).is_none_or(|factor| factor.to_bits() == 1.0_f32.to_bits());
    is_one("alpha") && is_one("beta") && gemm.int("transA").unwrap_or(0) == 0
}

/// The name of a node with an end; none when it has none.
fn labeled(name: &str, end: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{name}{end}") }
}
