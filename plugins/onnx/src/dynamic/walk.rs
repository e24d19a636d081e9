//! The graph from the first node to the last: what is quantized, and what takes numbers again.

mod operators;

use std::collections::{HashMap, HashSet};

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{NodeProto, TensorProto};
use olive_kit_onnx::{Model, Node, drop_unused_weights, needs};

use super::grid::Rule;
use super::weight::Weight;
use super::{CodeType, OnnxDynamicQuantizationConfig as Config, Quantizable};
use crate::numbers::dtype;

/// Walks over the nodes of a graph and writes their quantized successors.
pub(super) struct Walk<'a> {
    model: &'a mut Model,
    config: &'a Config,
    /// Values and weights of which there are codes.
    codes: HashMap<String, Codes>,
    /// Values that a node of the new graph makes, and inputs.
    made: HashSet<String>,
    /// Every name of the old graph.
    names: HashSet<String>,
    nodes: Vec<NodeProto>,
}

/// Names of a value's codes, of their scale and of their zero point.
#[derive(Debug, Clone)]
struct Codes {
    name: String,
    scale: String,
    zero_point: String,
    /// Whether scales are those of the last axis.
    per_channel: bool,
}

/// How a weight is to be quantized.
#[derive(Debug, Clone, Copy)]
struct Want {
    /// Whether it stands for an activation, which is unsigned and has one grid.
    is_activation: bool,
    per_channel: bool,
    is_turned: bool,
}

const ACTIVATION: Want = Want { is_activation: true, per_channel: false, is_turned: false };

impl<'a> Walk<'a> {
    /// A walk over the graph of `model`.
    pub(super) fn new(model: &'a mut Model, config: &'a Config) -> Self {
        let graph = &model.graph;
        let weights: HashSet<&str> = graph.initializer.iter().map(TensorProto::name).collect();
        let inputs = graph.input.iter().map(|input| input.name().to_owned());
        let inputs: Vec<String> = inputs.collect();
        let values = graph.node.iter().flat_map(|node| node.input.iter().chain(&node.output));
        let weight_names = graph.initializer.iter().map(|weight| weight.name().to_owned());
        let names = values.cloned().chain(weight_names).chain(inputs.iter().cloned()).collect();
        let made = inputs.into_iter().filter(|name| !weights.contains(name.as_str())).collect();
        Self { config, codes: HashMap::new(), made, names, nodes: Vec::new(), model }
    }

    /// Quantizes what can be, and says how many nodes there were.
    pub(super) fn run(mut self) -> usize {
        let nodes = std::mem::take(&mut self.model.graph.node);
        let mut count = 0;
        for node in nodes {
            if self.is_wanted(&node) && self.quantize(&node) {
                count += 1;
            } else {
                for value in needs(&node) {
                    self.dequantize(value);
                }
                self.push(node);
            }
        }
        let outputs = self.model.graph.output.iter().map(|output| output.name().to_owned());
        for output in outputs.collect::<Vec<_>>() {
            self.dequantize(&output);
        }
        self.finish();
        count
    }

    /// Whether the settings let `node` be quantized.
    fn is_wanted(&self, node: &NodeProto) -> bool {
        let has = |list: &Option<Vec<String>>, name: &str| {
            list.iter().flatten().any(|listed| listed == name)
        };
        let kind = match node.op_type() {
            "MatMul" | "Gemm" => Quantizable::MatMul,
            "Gather" => Quantizable::Gather,
            "Transpose" => Quantizable::Transpose,
            "Conv" => Quantizable::Conv,
            "Attention" => Quantizable::Attention,
            _ => return false,
        };
        let listed = self.config.op_types_to_quantize.as_deref().filter(|list| !list.is_empty());
        let takes_all = self.config.nodes_to_quantize.as_ref().is_none_or(Vec::is_empty);
        listed.unwrap_or(&Quantizable::ALL).contains(&kind)
            && (takes_all || has(&self.config.nodes_to_quantize, node.name()))
            && !has(&self.config.nodes_to_exclude, node.name())
            && !has(&self.config.op_types_to_exclude, node.op_type())
    }

    /// Codes of the weight or the activation `value`.
    fn activation(&mut self, value: &str) -> Codes {
        if let Some(known) = self.codes.get(value) {
            return known.clone();
        }
        if self.is_constant(value) {
            return self.weight(value, ACTIVATION);
        }
        let codes = Codes::of(value, false);
        let node = Node::new("DynamicQuantizeLinear", format!("{value}_QuantizeLinear"));
        let outputs = [&codes.name, &codes.scale, &codes.zero_point];
        self.push(node.inputs([value]).outputs(outputs).into_proto());
        self.codes.insert(value.to_owned(), codes.clone());
        codes
    }

    /// Codes of the weight `name`, which are added to the model.
    fn weight(&mut self, name: &str, want: Want) -> Codes {
        let key = if want.is_turned { self.turned(name) } else { name.to_owned() };
        if let Some(known) = self.codes.get(&key) {
            return known.clone();
        }
        let tensor = self.model.weight(name).cloned().unwrap_or_default();
        let (data, rule) = (self.model.data().clone(), self.rule(want.is_activation));
        // A vector has no channels.
        let per_channel = want.per_channel && tensor.dims.len() > 1;
        let codes = Codes::of(&key, per_channel);
        let weight = Weight { tensor, data, rule, per_channel, is_turned: want.is_turned };
        weight.add_to(self.model, &key);
        self.codes.insert(key, codes.clone());
        codes
    }

    /// Name of the transposed matrix `name`, which no value of the graph has.
    fn turned(&self, name: &str) -> String {
        let base = format!("{name}_Transposed");
        let numbered = (1..).map(|number| format!("{base}_{number}"));
        let is_free = |name: &String| {
            ["", "_quantized", "_scale", "_zero_point"]
                .iter()
                .all(|end| !self.names.contains(&format!("{name}{end}")))
        };
        std::iter::once(base.clone()).chain(numbered).find(is_free).unwrap_or(base)
    }

    fn rule(&self, is_activation: bool) -> Rule {
        let precision = if is_activation { CodeType::Uint8 } else { self.config.precision };
        let is_signed = precision == CodeType::Int8;
        let is_symmetric = if precision == self.config.precision {
            self.config.weight_symmetric.unwrap_or(is_signed)
        } else {
            self.config.activation_symmetric
        };
        let is_reduced = self.config.reduce_range && !is_activation;
        let options = self.config.extra_options.as_ref();
        let min_range = options.and_then(|options| options.minimum_real_range);
        Rule { is_signed, is_symmetric, is_reduced, min_range }
    }

    /// Whether `value` is a weight of 32-bit floats.
    fn is_constant(&self, value: &str) -> bool {
        self.model.weight(value).is_some_and(|weight| dtype(weight) == DataType::Float)
    }

    /// Makes `value` again from its codes, when there are codes and nothing makes it yet.
    fn dequantize(&mut self, value: &str) {
        let Some(codes) = self.codes.get(value).filter(|_| !self.made.contains(value)) else {
            return;
        };
        let node = Node::new("DequantizeLinear", format!("{value}_DequantizeLinear"));
        let node = node.inputs([&codes.name, &codes.scale, &codes.zero_point]).outputs([value]);
        let node = if codes.per_channel { node.attribute("axis", -1) } else { node };
        self.push(node.into_proto());
    }

    fn push(&mut self, node: NodeProto) {
        self.made.extend(node.output.iter().filter(|name| !name.is_empty()).cloned());
        self.nodes.push(node);
    }

    /// Gives the graph its new nodes, and drops weights that nodes make now or nothing takes.
    fn finish(self) {
        let graph = &mut self.model.graph;
        let before: HashSet<String> =
            graph.initializer.iter().map(|weight| weight.name().to_owned()).collect();
        graph.initializer.retain(|weight| !self.made.contains(weight.name()));
        graph.node = self.nodes;
        drop_unused_weights(graph);
        let is_left = |name: &str| graph.initializer.iter().any(|weight| weight.name() == name);
        let inputs = std::mem::take(&mut graph.input).into_iter();
        // An input may have had a weight as its default.
        let inputs = inputs.filter(|input| !before.contains(input.name()) || is_left(input.name()));
        graph.input = inputs.collect();
        let has_own = graph.node.iter().any(|node| node.domain() == Node::MICROSOFT);
        if has_own && self.model.opset(Node::MICROSOFT).is_none() {
            self.model.header.set_opset(Node::MICROSOFT, 1);
        }
    }
}

impl Codes {
    fn of(value: &str, per_channel: bool) -> Self {
        let name = |end: &str| format!("{value}{end}");
        let (codes, scale) = (name("_quantized"), name("_scale"));
        Self { name: codes, scale, zero_point: name("_zero_point"), per_channel }
    }
}
