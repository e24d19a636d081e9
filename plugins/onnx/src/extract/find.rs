//! Which weights of a graph are an adapter's.
//!
//! Weights that are called after PEFT's parameters keep their names. `PyTorch`'s older exporter
//! numbers weights; there names of nodes say what is an adapter's, and the weights get names.

use std::collections::HashSet;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{GraphProto, NodeProto, TensorProto};
use olive_kit_onnx::{Uses, rename_value};

use super::{AdapterType, names};
use crate::numbers::dtype;

/// A weight of an adapter.
#[derive(Debug)]
pub(super) struct Part {
    /// Name of the initializer.
    pub(super) name: String,
    /// Which dimension is the adapter's rank; `None` when the weight is quantized or has none.
    pub(super) rank: Option<usize>,
}

/// Metadata of a value that was folded: the names of what it was made of.
const FOLDED: &str = "pkg.onnxscript.optimizer.folded_from";

/// Names of the inputs that say how a weight is quantized.
const QUANTIZED: [&str; 3] = ["quant.weight", "quant.scale", "quant.zero_point"];

/// The weights of the adapter; those without a name of their own get one in `graph`.
///
/// Nodes are not in order afterwards.
pub(super) fn find(graph: &mut GraphProto, kind: AdapterType) -> Vec<Part> {
    let mut found = by_weight(graph, kind);
    if found.is_empty() {
        found = by_node(graph, kind);
    }
    let mut named = HashSet::new();
    for renaming in &found {
        renaming.apply(graph);
        named.insert(renaming.new.as_str());
    }
    let uses = Uses::of(graph);
    let weights = graph.initializer.iter().filter(|weight| named.contains(weight.name()));
    weights
        .map(|weight| Part { name: weight.name().to_owned(), rank: rank(graph, &uses, weight) })
        .collect()
}

/// A weight and the name it gets.
#[derive(Debug)]
struct Renaming {
    old: String,
    new: String,
    /// The node, and which of its inputs, that takes it by the new name; all when there is none.
    taker: Option<(usize, usize)>,
}

impl Renaming {
    fn apply(&self, graph: &mut GraphProto) {
        let Some((node, input)) = self.taker else {
            rename_value(graph, &self.old, &self.new);
            return;
        };
        // Equal weights may have been made one, which they are no more in another adapter.
        let known = graph.initializer.iter().find(|weight| weight.name() == self.old);
        if let Some(weight) = known.cloned() {
            graph.initializer.push(TensorProto { name: Some(self.new.clone()), ..weight });
            graph.node[node].input[input].clone_from(&self.new);
        }
    }
}

/// Weights whose names, or those of what they were folded from, are of PEFT's parameters.
fn by_weight(graph: &GraphProto, kind: AdapterType) -> Vec<Renaming> {
    let parameters = names::parameters(kind);
    let is_meant = |name: &str| parameters.iter().any(|part| name.contains(part));
    let named = |weight: &TensorProto| {
        if is_meant(weight.name()) {
            return Some(weight.name().to_owned());
        }
        let info = graph.value_info.iter().find(|value| value.name() == weight.name());
        let metadata = info.into_iter().flat_map(|value| &value.metadata_props);
        let mut metadata = metadata.chain(&weight.metadata_props);
        let folded = metadata.find(|entry| entry.key() == FOLDED)?;
        // A list of texts as Python writes it.
        folded.value().split(['\'', '"']).find(|name| is_meant(name)).map(str::to_owned)
    };
    let weights = graph.initializer.iter().filter_map(|weight| {
        Some(Renaming { old: weight.name().to_owned(), new: named(weight)?, taker: None })
    });
    weights.collect()
}

/// Weights of nodes whose names are of modules of the adapter.
fn by_node(graph: &GraphProto, kind: AdapterType) -> Vec<Renaming> {
    let uses = Uses::of(graph);
    let weights: HashSet<&str> = graph.initializer.iter().map(TensorProto::name).collect();
    let mut found = Vec::new();
    for (index, node) in graph.node.iter().enumerate() {
        let Some(module) = names::module(node.name(), kind) else { continue };
        let float = format!("{module}.weight");
        let quantized = QUANTIZED.map(|name| format!("{module}.{name}"));
        match node.op_type() {
            "Div" => found.extend(taken(graph, index, [(0, float)])),
            "MatMul" if weights.contains(node.input_at(1)) => {
                found.extend(taken(graph, index, [(1, float)]));
            }
            "MatMul" => {
                let producer = uses.producer(node.input_at(1));
                let is_quantized = |&index: &usize| graph.node[index].is("DequantizeLinear");
                if let Some(index) = producer.filter(is_quantized) {
                    found.extend(taken(graph, index, (0..).zip(quantized)));
                }
            }
            "MatMulNBits" => found.extend(taken(graph, index, (1..).zip(quantized))),
            _ => {}
        }
    }
    found.retain(|renaming| weights.contains(renaming.old.as_str()));
    found
}

/// What the node `index` takes at these inputs, with the names it gets.
fn taken(
    graph: &GraphProto,
    index: usize,
    inputs: impl IntoIterator<Item = (usize, String)>,
) -> Vec<Renaming> {
    let name = |input: usize| graph.node[index].input_at(input).to_owned();
    let inputs = inputs.into_iter();
    inputs
        .map(|(input, new)| Renaming { old: name(input), new, taker: Some((index, input)) })
        .collect()
}

/// The dimension of `weight` that is the adapter's rank.
fn rank(graph: &GraphProto, uses: &Uses, weight: &TensorProto) -> Option<usize> {
    let name = weight.name();
    let is_float =
        matches!(dtype(weight), DataType::Float | DataType::Float16 | DataType::Bfloat16);
    let node = &graph.node[*uses.consumers(name).first()?];
    let is_product = node.is("MatMul") || node.is("Gemm") || node.is("Transpose");
    if !is_float || !is_product || weight.dims.len() != 2 {
        return None;
    }
    let first = usize::from(node.input_at(0) == name);
    if names::is_hadamard(name) && !node.is("Transpose") {
        return Some(first);
    }
    let last = usize::from(names::is_first(name)?);
    Some(if is_turned(node) { 1 - last } else { last })
}

/// Whether `node` takes its matrix with rows for columns.
fn is_turned(node: &NodeProto) -> bool {
    node.is("Transpose") || node.int("transB").unwrap_or(0) != 0
}
