//! The graph: planned from what is known of the weights without reading them, with those it will
//! need.
//!
//! Names, order and shapes are those of the model builder of ONNX Runtime GenAI 0.18, for each of
//! the execution providers it knows.

mod attention;
mod constant;
mod embedding;
mod expanded_norm;
mod head_norms;
mod linear;
mod lora;
mod mask;
mod mlp;
mod norm;
mod packed;
pub(crate) mod rope;
mod scaling;

pub(crate) use embedding::{Table, table};
use olive_kit_checkpoint::Decoder;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Dim, GraphBuilder, Node};
use olive_kit_weights::WeightSource;

use crate::layout::{Input, Layout};
use crate::options::BuildOptions;
use crate::quantization::{EMBEDDING, Quantization};
use crate::target::{Target, onnx_type};
use crate::weights::{Weight, size};

/// A graph without initializers, and the weights that become them, in order.
#[derive(Debug)]
pub struct Plan {
    /// Inputs, outputs, nodes and the types of values.
    pub graph: GraphBuilder,
    /// What the initializers are made of.
    pub weights: Vec<Weight>,
}

impl Plan {
    /// Whether `node` is the name of a product or an embedding with weights that stay as they are,
    /// be it a part of a product of two.
    pub fn keeps(&self, node: &str) -> bool {
        let packed = node.replace("/gate_proj/", "/gate_up_proj/");
        let packed = packed.replace("/up_proj/", "/gate_up_proj/");
        let has_weight = |node: &str| {
            let weight = linear::weight_name(node);
            let is_its = |known: &Weight| matches!(known, Weight::Transposed { name, .. } if *name == weight);
            self.weights.iter().any(is_its)
        };
        has_weight(node) || has_weight(&packed) || node == EMBEDDING && self.graph.has_node(node)
    }
}

/// Plans the graph of the first `num_layers` layers of `source`, without reading its weights.
pub fn plan(source: &dyn WeightSource, num_layers: usize, options: &BuildOptions) -> Plan {
    let decoder = &source.description().decoder;
    let layout = options.layout;
    let is_shared = layout.shares_embedding(decoder);
    let quantization = options.quantization.as_ref();
    let quantization = quantization.map(|quantization| quantization.for_embedding(is_shared));
    let mut planner = Planner {
        source,
        decoder,
        num_layers,
        keeps_adapter: options.adapter.is_some(),
        target: options.target,
        layout,
        quantization,
        graph: GraphBuilder::new("main_graph"),
        float_weights: Vec::new(),
        quantized_weights: Vec::new(),
    };
    planner.inputs_and_outputs();
    planner.long_rope_caches();
    planner.mask_lengths();
    let mut residual = planner.embedding();
    let mut update = None;
    for layer in 0..num_layers {
        (residual, update) = planner.layer(layer, residual, update);
    }
    let normed = planner.final_norm(num_layers, &residual, update.as_deref());
    planner.logits(&normed);
    // The quantizer of the original appends what it makes after what it leaves.
    let Planner { graph, float_weights: mut weights, mut quantized_weights, .. } = planner;
    quantized_weights.sort_by_key(|(turn, _)| *turn);
    weights.extend(quantized_weights.into_iter().map(|(_, weight)| weight));
    Plan { graph, weights }
}

/// Gathers nodes and weights.
struct Planner<'a> {
    source: &'a dyn WeightSource,
    decoder: &'a Decoder,
    num_layers: usize,
    keeps_adapter: bool,
    target: Target,
    layout: Layout,
    quantization: Option<Quantization>,
    graph: GraphBuilder,
    float_weights: Vec<Weight>,
    /// Each with the turn in which the original's quantizer makes it.
    quantized_weights: Vec<(usize, Weight)>,
}

/// Name of a value.
type Value = String;

/// The output that the last norm makes.
const HIDDEN_STATES: &str = "hidden_states";
/// The output of scores.
const LOGITS: &str = "logits";

impl Planner<'_> {
    fn inputs_and_outputs(&mut self) {
        let hidden = hidden_shape(self.decoder.hidden_size);
        let mask = ["batch_size".into(), "total_sequence_length".into()];
        let tokens = ["batch_size".into(), "sequence_length".into()];
        match self.layout.input {
            Input::Tokens => {
                self.graph.input("input_ids", DataType::Int64, &tokens);
                self.graph.input("attention_mask", DataType::Int64, &mask);
            }
            Input::Embeddings => {
                self.graph.input("attention_mask", DataType::Int64, &mask);
                self.graph.input("inputs_embeds", self.io(), &hidden);
            }
        }
        if !self.target.rotates_in_attention() {
            self.graph.input(mask::POSITIONS, DataType::Int64, &tokens);
        }
        if self.layout.output.has_hidden_states() {
            self.graph.output(HIDDEN_STATES, self.io(), &hidden);
        }
        if self.layout.output.has_logits() {
            let shape = self.logits_shape();
            self.graph.output(LOGITS, onnx_type(self.target.logits()), &shape);
        }
        let cache = |length: &str| -> [Dim; 4] {
            let heads = Dim::Fixed(size(self.decoder.num_kv_heads));
            ["batch_size".into(), heads, length.into(), "kv_cache_dim".into()]
        };
        let (past, present) = (cache("past_sequence_length"), cache("total_sequence_length"));
        let (short_past, short_present) =
            (cache("past_sliding_length"), cache("total_sliding_length"));
        for part in ["key", "value"] {
            for layer in 0..self.num_layers {
                let is_short = self.has_short_cache(layer);
                let past = if is_short { &short_past } else { &past };
                let present = if is_short { &short_present } else { &present };
                self.graph.input(&format!("past_key_values.{layer}.{part}"), self.io(), past);
                self.graph.output(&format!("present.{layer}.{part}"), self.io(), present);
            }
        }
    }

    /// One layer: takes the residual stream and what is still to be added to it, and returns both.
    fn layer(
        &mut self,
        layer: usize,
        residual: Value,
        update: Option<Value>,
    ) -> (Value, Option<Value>) {
        let linears = self.decoder.linears(layer);
        let (normed, residual) = self.input_norm(layer, residual, update);
        let attended = self.attention(layer, &linears, &normed);
        let update = self.attention_output_norm(layer, attended);
        let (normed, residual) = self.mlp_norm(layer, &residual, &update);
        let made = self.mlp(layer, &linears, &normed);
        (residual, Some(self.mlp_output_norm(layer, made)))
    }

    /// Whether the KV cache of `layer` may be as short as what its attention looks back.
    fn has_short_cache(&self, layer: usize) -> bool {
        self.target.has_short_caches() && self.decoder.window(layer).is_some()
    }

    /// Type of activations.
    fn io(&self) -> DataType {
        onnx_type(self.target.io)
    }

    /// Adds a node whose only described output is its first, and returns that.
    fn node(&mut self, node: Node, name: &str, dtype: DataType, shape: Option<&[Dim]>) -> Value {
        let output = output_of(name);
        self.graph.value(&output, dtype, shape);
        self.graph.node(node.outputs([&output]));
        output
    }

    /// Adds a node that turns `input` into `dtype`.
    fn cast(&mut self, name: &str, input: &str, dtype: DataType, shape: Option<&[Dim]>) -> Value {
        self.node(cast(name, input, dtype), name, dtype, shape)
    }
}

/// A node that turns `input` into `dtype`, still without outputs.
fn cast(name: &str, input: &str, dtype: DataType) -> Node {
    Node::new("Cast", name).inputs([input]).attribute("to", i64::from(i32::from(dtype)))
}

/// Shape of activations of this width.
fn hidden_shape(width: usize) -> [Dim; 3] {
    ["batch_size".into(), "sequence_length".into(), Dim::Fixed(size(width))]
}

/// Name of the first output of the node called `name`.
fn output_of(name: &str) -> Value {
    format!("{name}/output_0")
}
