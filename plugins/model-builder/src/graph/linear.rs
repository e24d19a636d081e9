//! Products with a weight: `MatMul`, or `MatMulNBits` when quantized.

use olive_kit_checkpoint::{Linear, LinearRole};
use olive_kit_onnx::Node;
use olive_kit_quant::BlockFormat;

use super::{Planner, Value, cast, hidden_shape, output_of};
use crate::options::Quantization;
use crate::target::onnx_type;
use crate::weights::{Matrix, QuantizedNames, Weight, size};

/// The product that makes logits.
pub(super) const LM_HEAD: &str = "/lm_head/MatMul";

impl Planner<'_> {
    /// The product of `input` and a matrix of a layer.
    pub(super) fn product(&mut self, name: &str, input: &str, matrix: Matrix) -> Value {
        let output = output_of(name);
        let shape = hidden_shape(matrix.n);
        self.graph.value(&output, self.io(), Some(&shape));
        match self.quantization {
            None => self.float_product(name, input, matrix, &output),
            Some(quantization) => {
                let format = quantization.body();
                self.quantized_product(name, input, matrix, quantization, format, &output);
            }
        }
        output
    }

    /// What the layers with one of these roles make of `input`, side by side; `base` names the nodes.
    pub(super) fn layer_product(
        &mut self,
        base: &str,
        input: &str,
        linears: &[Linear],
        roles: &[LinearRole],
    ) -> Value {
        let linears: Vec<_> =
            linears.iter().filter(|linear| roles.contains(&linear.role)).collect();
        let matrix = Matrix::stacked(&linears);
        let product = self.product(&format!("{base}/MatMul"), input, matrix);
        self.biased(base, product, &linears)
    }

    /// `input` and the biases of these layers, where they have any.
    pub(super) fn biased(&mut self, base: &str, input: Value, linears: &[&Linear]) -> Value {
        let tensors: Vec<_> = linears.iter().filter_map(|linear| linear.bias()).collect();
        if tensors.is_empty() {
            return input;
        }
        let name = format!("{base}/Add");
        let bias = format!("{}.bias", initializer_name(&name));
        let width = linears.iter().map(|linear| linear.out_features).sum();
        let node = Node::new("Add", &name).inputs([input, bias.clone()]);
        let dtype = self.target.io;
        self.float_weights.push(Weight::Stacked { name: bias, tensors, dtype });
        self.node(node, &name, self.io(), Some(&hidden_shape(width)))
    }

    /// The product that makes logits.
    pub(super) fn logits(&mut self, input: &str) {
        let matrix = Matrix::stacked(&[&self.decoder.lm_head()]);
        let is_cast = self.target.logits() != self.target.io;
        let made = if is_cast { output_of(LM_HEAD) } else { "logits".to_owned() };
        self.graph.value(&made, self.io(), Some(&hidden_shape(self.decoder.vocab_size)));
        match self.quantization {
            None => self.float_product(LM_HEAD, input, matrix, &made),
            Some(quantization) => {
                let format = quantization.lm_head();
                self.quantized_product(LM_HEAD, input, matrix, quantization, format, &made);
            }
        }
        if is_cast {
            let node = cast("/lm_head/Cast", &made, onnx_type(self.target.logits()));
            self.graph.node(node.outputs(["logits"]));
        }
    }

    fn float_product(&mut self, name: &str, input: &str, matrix: Matrix, output: &str) {
        let weight = weight_name(name);
        self.graph.node(Node::new("MatMul", name).inputs([input, &weight]).outputs([output]));
        let dtype = self.target.io;
        self.float_weights.push(Weight::Transposed { name: weight, matrix, dtype });
    }

    fn quantized_product(
        &mut self,
        name: &str,
        input: &str,
        matrix: Matrix,
        quantization: Quantization,
        format: BlockFormat,
        output: &str,
    ) {
        let rounding = quantization.rounding();
        let names = QuantizedNames::new(&weight_name(name), format, rounding);
        let node = Node::new("MatMulNBits", format!("{name}_Q{}", format.bits.count()))
            .domain(Node::MICROSOFT)
            .inputs([input, &names.qweight, &names.scales])
            .inputs(names.zero_points.as_deref())
            .outputs([output]);
        self.graph.node(with_attributes(node, &matrix, format, quantization.accuracy_level));
        let dtype = self.target.io;
        self.quantized_weights.push(Weight::Quantized { names, matrix, format, rounding, dtype });
    }
}

/// Name of the weight of the `MatMul` called `name`.
pub(super) fn weight_name(name: &str) -> String {
    format!("{}.weight", initializer_name(name))
}

/// Name of a node as names of initializers begin.
fn initializer_name(name: &str) -> String {
    name.trim_start_matches('/').replace('/', ".")
}

fn with_attributes(node: Node, matrix: &Matrix, format: BlockFormat, accuracy_level: u8) -> Node {
    let node = node.attribute("K", size(matrix.k)).attribute("N", size(matrix.n));
    let node = match accuracy_level {
        0 => node,
        level => node.attribute("accuracy_level", i64::from(level)),
    };
    node.attribute("bits", size(format.bits.count()))
        .attribute("block_size", size(format.block_size))
}
