//! Products with a weight: `MatMul`, or `MatMulNBits` when quantized.

use olive_kit_checkpoint::{Linear, LinearRole};
use olive_kit_onnx::{Dim, Node};
use olive_kit_quant::BlockFormat;

use super::constant::Constant;
use super::{LOGITS, Planner, Value, cast, hidden_shape, output_of};
use crate::quantization::{Form, LM_HEAD};
use crate::target::onnx_type;
use crate::weights::{Int4Reader, Matrix, QuantizedNames, Weight, size};

impl Planner<'_> {
    /// The product of `input` and a matrix of a layer.
    pub(super) fn product(&mut self, name: &str, input: &str, matrix: Matrix) -> Value {
        let output = output_of(name);
        let shape = hidden_shape(matrix.n);
        self.graph.value(&output, self.io(), Some(&shape));
        self.product_into(name, input, matrix, &output);
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
        let product = self.stacked_product(base, input, &linears);
        self.biased(base, product, &linears)
    }

    /// The product of `input` and these layers, side by side, with what an adapter adds to one that
    /// is alone.
    pub(super) fn stacked_product(
        &mut self,
        base: &str,
        input: &str,
        linears: &[&Linear],
    ) -> Value {
        match linears {
            [linear] => self.rows_product(base, input, linear, 0..linear.out_features),
            _ => {
                let name = format!("{base}/MatMul");
                let parts: Vec<_> = linears.iter().map(|it| (*it, 0..it.out_features)).collect();
                let shape = hidden_shape(linears.iter().map(|it| it.out_features).sum());
                let packed = self.packed_product(&name, input, &parts, &shape, None);
                packed.unwrap_or_else(|| self.product(&name, input, Matrix::stacked(linears)))
            }
        }
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

    /// The product that makes logits, where the graph has any.
    pub(super) fn logits(&mut self, hidden: &str) {
        if !self.layout.output.has_logits() {
            return;
        }
        let input =
            if self.layout.prunes_logits { self.last_token(hidden) } else { hidden.to_owned() };
        let is_cast = self.target.logits() != self.target.io;
        let cap = self.decoder.logit_softcap;
        let is_last = cap.is_none() && !is_cast;
        let mut made = self.scores(&input, is_last.then_some(LOGITS));
        if let Some(cap) = cap {
            let output = if is_cast { "/lm_head/softcap/Mul/output_0" } else { LOGITS };
            self.capped_logits(&made, cap, output);
            output.clone_into(&mut made);
        }
        if is_cast {
            let node = cast("/lm_head/Cast", &made, onnx_type(self.target.logits()));
            self.graph.node(node.outputs([LOGITS]));
        }
    }

    /// The product with the last matrix, as the value `output` or called after its node.
    fn scores(&mut self, input: &str, output: Option<&str>) -> Value {
        let (linear, shape) = (self.decoder.lm_head(), self.logits_shape());
        let parts = [(&linear, 0..linear.out_features)];
        if let Some(made) = self.packed_product(LM_HEAD, input, &parts, &shape, output) {
            return made;
        }
        let made = output.map_or_else(|| output_of(LM_HEAD), str::to_owned);
        self.graph.value(&made, self.io(), Some(&shape));
        self.product_into(LM_HEAD, input, Matrix::stacked(&[&linear]), &made);
        made
    }

    /// Shape of the logits.
    pub(super) fn logits_shape(&self) -> [Dim; 3] {
        let [batch, tokens, vocab] = hidden_shape(self.decoder.vocab_size);
        let tokens = if self.layout.prunes_logits { 1.into() } else { tokens };
        [batch, tokens, vocab]
    }

    /// `hidden` of the last token only.
    fn last_token(&mut self, hidden: &str) -> Value {
        let [batch, _, width] = hidden_shape(self.decoder.hidden_size);
        let last = self.constant(&Constant::Scalar(-1));
        let name = "/lm_head/prune/Gather";
        let node = Node::new("Gather", name).inputs([hidden, &last]).attribute("axis", 1);
        let row = self.node(node, name, self.io(), Some(&[batch.clone(), width.clone()]));
        let axis = self.constant(&Constant::List(vec![1]));
        let name = "/lm_head/prune/Unsqueeze";
        let node = Node::new("Unsqueeze", name).inputs([row, axis]);
        self.node(node, name, self.io(), Some(&[batch, 1.into(), width]))
    }

    /// The product of `input` and `matrix` as the value `output`, quantized or not.
    fn product_into(&mut self, name: &str, input: &str, matrix: Matrix, output: &str) {
        match self.grid(name) {
            None => self.float_product(name, input, matrix, output),
            Some(format) => self.quantized_product(name, input, matrix, format, output),
        }
    }

    /// Grid of the matrix of a product; `None` where it stays as it is.
    pub(super) fn grid(&self, name: &str) -> Option<BlockFormat> {
        self.quantization.as_ref()?.grid(name, self.num_layers)
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
        format: BlockFormat,
        output: &str,
    ) {
        let Some(quantization) = &self.quantization else { return };
        let turn = quantization.turn(name, self.num_layers);
        let (rounding, accuracy_level) = (quantization.rounding, quantization.accuracy_level);
        let weight = match quantization.form {
            Form::Operators => {
                let names = QuantizedNames::new(&weight_name(name), format, rounding);
                let node = Node::new("MatMulNBits", format!("{name}_Q{}", format.bits.count()))
                    .domain(Node::MICROSOFT)
                    .inputs([input, &names.qweight, &names.scales])
                    .inputs(names.zero_points.as_deref())
                    .outputs([output]);
                self.graph.node(with_attributes(node, &matrix, format, accuracy_level));
                Weight::Quantized { names, matrix, format, rounding, dtype: self.target.io }
            }
            Form::Dequantized => {
                let names = QuantizedNames::dequantized(&weight_name(name), format);
                self.dequantized_product(name, input, &names, format, output);
                let (reader, dtype) = (Int4Reader::MatMul, self.target.io);
                Weight::Int4 { names, matrix, format, reader, dtype }
            }
        };
        self.quantized_weights.push((turn, weight));
    }

    /// The product of `input` and a matrix that is made from its codes before.
    fn dequantized_product(
        &mut self,
        name: &str,
        input: &str,
        names: &QuantizedNames,
        format: BlockFormat,
        output: &str,
    ) {
        let bits = format.bits.count();
        let made = format!("{}_output", names.qweight);
        let node = Node::new("DequantizeLinear", format!("{name}_DQ_Q{bits}"))
            .inputs([&names.qweight, &names.scales])
            .inputs(names.zero_points.as_deref())
            .outputs([&made])
            .attribute("axis", 0)
            .attribute("block_size", size(format.block_size));
        self.graph.node(node);
        let node = Node::new("MatMul", format!("{name}_matmul_Q{bits}"));
        self.graph.node(node.inputs([input, &made]).outputs([output]));
    }
}

/// Name of the weight of the `MatMul` called `name`.
pub(super) fn weight_name(name: &str) -> String {
    format!("{}.weight", initializer_name(name))
}

/// Name of a node as names of initializers begin.
pub(super) fn initializer_name(name: &str) -> String {
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
