//! The pass `MatMulNBitsToQDQ`: products with packed weights in ONNX's own operators.
//!
//! In and out: a folder with an ONNX model. `MatMulNBits` becomes `DequantizeLinear` and `MatMul`
//! with the same codes in another order: what both compute differs by how sums are rounded. Memory:
//! the codes of one weight.

use std::collections::BTreeSet;
use std::sync::Arc;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{NodeProto, TensorProto};
use olive_kit_onnx::{Dim, Model as Graph, Node, Patch, drop_unused_weights, value_info};
use olive_plugin_api::{Model, ModelKind, Offer, Pass, PluginError, Shortcut, StepContext};

use crate::error::RewriteError;
use crate::numbers::{dtype, integers};
use crate::packed::{Constant, Packed, Turned};
use crate::redundant;
use crate::rewrite::rewrite_places;

/// Writes products with packed weights in ONNX's own operators.
#[derive(Debug, Default)]
pub struct MatMulNBitsToQDQ;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `MatMulNBitsToQDQ` pass: packed weights in ONNX's own operators.
    #[schemars(extend("x-olive-shortcuts" = [Offer::new(Shortcut::EncodeQdq)]))]
    pub struct MatMulNBitsToQDQConfig {
        /// Whether codes stay as they lie and a `Transpose` node turns what they stand for.
        #[serde(default)]
        pub use_transpose_op: bool,
        /// Whether codes of 4 bits are signed; `use_signed_int` is the newer setting.
        #[serde(default)]
        pub use_int4: bool,
        /// Whether codes are signed.
        #[serde(default)]
        pub use_signed_int: bool,
        /// Whether symmetric weights with signed codes get zero points, all of them 0.
        #[serde(default)]
        pub add_zero_point: bool,
        /// Names of nodes that stay as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub nodes_to_exclude: Option<Vec<String>>,
    }
}

impl Pass for MatMulNBitsToQDQ {
    type Config = MatMulNBitsToQDQConfig;

    const NAME: &'static str = "MatMulNBitsToQDQ";
    const SUMMARY: &'static str = "Write products with packed weights in ONNX's own operators.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn run(
        &self,
        input: &Model,
        config: &MatMulNBitsToQDQConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let none = "no `MatMulNBits` node with constant weights was found";
        Ok(rewrite_places(input, &config.policy(), ctx, none, |model| convert(model, config))?)
    }
}

/// Rewrites each product that can be, and says how many there were.
fn convert(model: &mut Graph, config: &MatMulNBitsToQDQConfig) -> Result<usize, RewriteError> {
    redundant::drop_identities(model);
    let excluded = config.nodes_to_exclude.as_deref().unwrap_or_default();
    let mut places = Vec::new();
    for (index, node) in model.graph.node.iter().enumerate() {
        if !excluded.iter().any(|name| name == node.name())
            && let Some(product) = Product::of(node, model)?
        {
            places.push((index, product));
        }
    }
    let mut names: BTreeSet<String> =
        model.graph.node.iter().map(|node| node.name().to_owned()).collect();
    let mut patch = Patch::default();
    for (index, product) in &places {
        let node = model.graph.node[*index].clone();
        patch.remove(*index);
        for node in product.nodes(&node, model, config, &mut names)? {
            patch.add(*index, node);
        }
    }
    patch.apply(&mut model.graph);
    drop_unused_weights(&mut model.graph);
    if !places.is_empty() {
        let has_two_bits = places.iter().any(|(_, product)| product.bits == 2);
        let needed = if has_two_bits { 25 } else { 21 };
        let version = model.opset("").unwrap_or(0).max(needed);
        model.header.set_opset("", version);
    }
    Ok(places.len())
}

/// A product with a packed weight of `n` rows of `k` codes.
struct Product {
    n: usize,
    k: usize,
    bits: u32,
    block_size: usize,
}

impl Product {
    /// What `node` is, when its weights are constants and its groups lie in order.
    fn of(node: &NodeProto, model: &Graph) -> Result<Option<Self>, RewriteError> {
        if !node.is_microsoft("MatMulNBits") {
            return Ok(None);
        }
        let size = |name| usize::try_from(node.int(name).unwrap_or(0)).unwrap_or(0);
        let bits = u32::try_from(node.int("bits").unwrap_or(4)).unwrap_or(0);
        let (k, n, block_size) = (size("K"), size("N"), size("block_size"));
        let constants = node.input.iter().skip(1).filter(|name| !name.is_empty());
        let is_input = |name: &str| model.graph.input.iter().any(|input| input.name() == name);
        let is_constant = |name: &String| model.weight(name).is_some() && !is_input(name);
        let is_known = matches!(bits, 2 | 4 | 8) && k > 0 && n > 0 && block_size > 0;
        if !is_known || !constants.clone().all(is_constant) {
            return Ok(None);
        }
        if let Some(list) = model.weight(node.input_at(4)) {
            let groups = integers(&model.bytes(list)?, dtype(list)).unwrap_or_default();
            let group = |index: usize| i64::try_from(index / block_size).unwrap_or(-1);
            if !groups.iter().copied().eq((0..k).map(group)) {
                return Ok(None);
            }
        }
        Ok(Some(Self { n, k, bits, block_size }))
    }

    /// The nodes that take the place of `node`; their weights are added to `model`.
    fn nodes(
        &self,
        node: &NodeProto,
        model: &mut Graph,
        config: &MatMulNBitsToQDQConfig,
        names: &mut BTreeSet<String>,
    ) -> Result<Vec<NodeProto>, RewriteError> {
        let is_signed = config.use_signed_int || (self.bits == 4 && config.use_int4);
        let is_turned = !config.use_transpose_op;
        let dequantize = new_name(node.name(), "DequantizeLinear", names);
        let weights = self.weights(node, &dequantize, model, config, is_signed)?;
        let float = dtype(model.weight(node.input_at(2)).unwrap_or(&TensorProto::default()));
        let mut shape = [self.k, self.n];
        if !is_turned {
            shape.reverse();
        }
        let mut output = format!("{dequantize}/output_0");
        describe(model, &output, float, shape);
        let axis = i64::from(is_turned == self.is_one_block());
        let mut first = Node::new("DequantizeLinear", dequantize).inputs(weights);
        first = first.outputs([output.as_str()]);
        if !self.is_one_block() {
            first = first.attribute("block_size", whole(self.block_size));
        }
        let mut nodes = vec![first.attribute("axis", axis)];
        if !is_turned {
            let name = new_name(node.name(), "Transpose", names);
            let turned = format!("{name}/output_0");
            let turn = Node::new("Transpose", name).inputs([&output]).outputs([&turned]);
            nodes.push(turn.attribute("perm", vec![1, 0]));
            describe(model, &turned, float, [self.k, self.n]);
            output = turned;
        }
        let product = new_name(node.name(), "MatMul", names);
        let bias = node.input_at(5);
        let result = node.output_at(0);
        let between = format!("{product}/sum");
        let made = if bias.is_empty() { result } else { &between };
        let product = Node::new("MatMul", product).inputs([node.input_at(0), &output]);
        nodes.push(product.outputs([made]));
        if !bias.is_empty() {
            let sum = Node::new("Add", new_name(node.name(), "Add", names));
            nodes.push(sum.inputs([between.as_str(), bias]).outputs([result]));
        }
        Ok(nodes.into_iter().map(Node::into_proto).collect())
    }

    /// Adds codes, scales and zero points to `model`, and gives their names.
    fn weights(
        &self,
        node: &NodeProto,
        prefix: &str,
        model: &mut Graph,
        config: &MatMulNBitsToQDQConfig,
        is_signed: bool,
    ) -> Result<Vec<String>, RewriteError> {
        let is_turned = !config.use_transpose_op;
        let code_type = code_type(self.bits, is_signed);
        let middle = 1_u8 << (self.bits - 1);
        let data = model.data().clone();
        let tensor = |name: &str| model.weight(name).cloned().unwrap_or_default();
        let [codes, scales, zeros] = [1, 2, 3].map(|index| tensor(node.input_at(index)));
        let has_zeros = !node.input_at(3).is_empty();
        let packed = |tensor: &TensorProto, columns: usize| Packed {
            tensor: tensor.clone(),
            data: data.clone(),
            bits: self.bits,
            rows: self.n,
            columns,
            is_turned,
            is_signed,
        };
        let zeros = packed(&zeros, self.blocks());
        let are_middle = has_zeros && zeros.are_all(middle)?;
        let names = ["qweight", "scales", "qzeros"].map(|part| format!("{prefix}.{part}"));
        let mut shape = [self.n, self.k].map(whole);
        let mut small = [self.n, self.blocks()].map(whole);
        if is_turned {
            shape.reverse();
            small.reverse();
        }
        let small: &[i64] = if self.is_one_block() { &[whole(self.n)] } else { &small };
        model.add_made(&names[0], code_type, &shape, Arc::new(packed(&codes, self.k)));
        let turned = Turned { tensor: scales.clone(), data, rows: self.n, by_columns: is_turned };
        model.add_made(&names[1], dtype(&scales), small, Arc::new(turned));
        // Without zero points `MatMulNBits` takes the middle of the codes, `DequantizeLinear` 0.
        if has_zeros && !(is_signed && are_middle && !config.add_zero_point) {
            model.add_made(&names[2], code_type, small, Arc::new(zeros));
            return Ok(names.to_vec());
        }
        if has_zeros || (is_signed && !config.add_zero_point) {
            return Ok(names[..2].to_vec());
        }
        let code = if is_signed { 0 } else { middle };
        let constant = Constant { code, bits: self.bits, count: self.n * self.blocks() };
        model.add_made(&names[2], code_type, small, Arc::new(constant));
        Ok(names.to_vec())
    }

    fn blocks(&self) -> usize {
        self.k.div_ceil(self.block_size)
    }

    /// Whether a row has one scale, so that it is one of an axis and not of a block.
    fn is_one_block(&self) -> bool {
        self.blocks() == 1
    }
}

const fn code_type(bits: u32, is_signed: bool) -> DataType {
    match (bits, is_signed) {
        (2, true) => DataType::Int2,
        (2, false) => DataType::Uint2,
        (4, true) => DataType::Int4,
        (4, false) => DataType::Uint4,
        (_, true) => DataType::Int8,
        (_, false) => DataType::Uint8,
    }
}

fn describe(model: &mut Graph, name: &str, dtype: DataType, shape: [usize; 2]) {
    let shape = shape.map(|size| Dim::from(whole(size)));
    model.graph.value_info.push(value_info(name, dtype, Some(&shape)));
}

fn whole(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The name of the product with another operator in it, numbered when it is taken.
fn new_name(old: &str, operator: &str, names: &mut BTreeSet<String>) -> String {
    let known = ["MatMulNBits", "MatMul_Q4", "MatMul_Q8"];
    let found = known.into_iter().find(|known| old.contains(known));
    let base = match found {
        Some(known) => old.replace(known, operator),
        None => format!("{old}_{operator}"),
    };
    let numbered = (0..).map(|number| format!("{base}_{number}"));
    let mut free = std::iter::once(base.clone()).chain(numbered);
    free.find(|name| names.insert(name.clone())).unwrap_or(base)
}
