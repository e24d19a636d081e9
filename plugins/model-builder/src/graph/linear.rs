//! Products with a weight: `MatMul`, or `MatMulNBits` when quantized.

use olive_kit_checkpoint::{Linear, LinearRole};
use olive_kit_onnx::Node;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_quant::BlockFormat;

use super::{Planner, Value, hidden_shape, output_of};
use crate::options::Quantization;
use crate::weights::{Matrix, QuantizedNames, Weight, size};

/// The product that makes logits.
pub(super) const LM_HEAD: &str = "/lm_head/MatMul";

impl Planner<'_> {
    /// The product of `input` and a matrix of a layer.
    pub(super) fn product(&mut self, name: &str, input: &str, matrix: Matrix) -> Value {
        let output = output_of(name);
        let shape = hidden_shape(matrix.n);
        self.graph.value(&output, DataType::Float, Some(&shape));
        match self.quantization {
            None => self.float_product(name, input, matrix, &output),
            Some(quantization) => {
                let format = quantization.body();
                self.quantized_product(name, input, matrix, quantization, format, &output);
            }
        }
        output
    }

    /// The product that makes logits.
    pub(super) fn logits(&mut self, input: &str) {
        let matrix = Matrix::stacked(&[&self.decoder.lm_head()]);
        match self.quantization {
            None => self.float_product(LM_HEAD, input, matrix, "logits"),
            Some(quantization) => {
                let format = quantization.lm_head();
                self.quantized_product(LM_HEAD, input, matrix, quantization, format, "logits");
            }
        }
    }

    fn float_product(&mut self, name: &str, input: &str, matrix: Matrix, output: &str) {
        let weight = weight_name(name);
        self.graph.node(Node::new("MatMul", name).inputs([input, &weight]).outputs([output]));
        self.float_weights.push(Weight::Transposed { name: weight, matrix });
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
        self.quantized_weights.push(Weight::Quantized { names, matrix, format, rounding });
    }
}

/// The rows of the layers with one of these roles, one below the other.
pub(super) fn stacked(linears: &[Linear], roles: &[LinearRole]) -> Matrix {
    let linears: Vec<_> = linears.iter().filter(|linear| roles.contains(&linear.role)).collect();
    Matrix::stacked(&linears)
}

/// Name of the weight of the `MatMul` called `name`.
pub(super) fn weight_name(name: &str) -> String {
    format!("{}.weight", name.trim_start_matches('/').replace('/', "."))
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
