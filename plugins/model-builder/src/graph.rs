//! The graph: planned from the decoder's description alone, with the weights it will need.
//!
//! Names, order and shapes are those of the model builder of ONNX Runtime GenAI 0.18 for the CPU.

mod attention;
mod embedding;
mod linear;
mod mlp;
mod norm;
mod rope;

use olive_kit_checkpoint::Decoder;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Dim, GraphBuilder, Node, raw_tensor};

use crate::options::Quantization;
use crate::weights::{Weight, size};

/// A graph without initializers, and the weights that become them, in order.
#[derive(Debug)]
pub struct Plan {
    /// Inputs, outputs, nodes and the types of values.
    pub graph: GraphBuilder,
    /// What the initializers are made of.
    pub weights: Vec<Weight>,
}

/// Plans the graph of the first `num_layers` layers of `decoder`.
pub fn plan(decoder: &Decoder, num_layers: usize, quantization: Option<Quantization>) -> Plan {
    let mut planner = Planner {
        decoder,
        quantization,
        graph: GraphBuilder::new("main_graph"),
        float_weights: Vec::new(),
        quantized_weights: Vec::new(),
    };
    planner.inputs_and_outputs(num_layers);
    planner.long_rope_caches();
    planner.mask_lengths();
    let mut residual = planner.embedding();
    let mut update = None;
    for layer in 0..num_layers {
        (residual, update) = planner.layer(layer, residual, update);
    }
    let normed = planner.final_norm(num_layers, residual, update);
    planner.logits(&normed);
    // The quantizer of the original appends what it makes after what it leaves.
    planner.float_weights.append(&mut planner.quantized_weights);
    Plan { graph: planner.graph, weights: planner.float_weights }
}

/// Gathers nodes and weights.
struct Planner<'a> {
    decoder: &'a Decoder,
    quantization: Option<Quantization>,
    graph: GraphBuilder,
    float_weights: Vec<Weight>,
    quantized_weights: Vec<Weight>,
}

/// Name of a value.
type Value = String;

impl Planner<'_> {
    fn inputs_and_outputs(&mut self, num_layers: usize) {
        let tokens = ["batch_size".into(), "sequence_length".into()];
        self.graph.input("input_ids", DataType::Int64, &tokens);
        let mask = ["batch_size".into(), "total_sequence_length".into()];
        self.graph.input("attention_mask", DataType::Int64, &mask);
        let cache = |length: &str| -> [Dim; 4] {
            let heads = Dim::Fixed(size(self.decoder.num_kv_heads));
            ["batch_size".into(), heads, length.into(), "kv_cache_dim".into()]
        };
        let (past, present) = (cache("past_sequence_length"), cache("total_sequence_length"));
        let logits = hidden_shape(self.decoder.vocab_size);
        self.graph.output("logits", DataType::Float, &logits);
        for part in ["key", "value"] {
            for layer in 0..num_layers {
                let name = format!("past_key_values.{layer}.{part}");
                self.graph.input(&name, DataType::Float, &past);
                let name = format!("present.{layer}.{part}");
                self.graph.output(&name, DataType::Float, &present);
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
        let attention = self.attention(layer, &linears, &normed);
        let (normed, residual) = self.post_attention_norm(layer, &residual, &attention);
        let update = self.mlp(layer, &linears, &normed);
        (residual, Some(update))
    }

    /// Lengths that attention asks for, from the mask: of each past and present row minus one, and
    /// of the whole.
    fn mask_lengths(&mut self) {
        let base = "/model/attn_mask_reformat/attn_mask_subgraph";
        let one = self.constant(&Constant::List(vec![1]));
        let name = format!("{base}/ReduceSum");
        let sum = Node::new("ReduceSum", &name).inputs(["attention_mask", &one]);
        let rows = ["batch_size".into()];
        let sum = self.node(sum.attribute("keepdims", 0), &name, DataType::Int64, Some(&rows));
        let name = format!("{base}/Sub");
        let last = Node::new("Sub", &name).inputs([sum, one]);
        let last = self.node(last, &name, DataType::Int64, Some(&rows));
        self.cast_to_i32(&format!("{base}/Sub"), last, Some(&rows));
        let total = self.total_length();
        self.cast_to_i32(&format!("{base}/Gather"), total, None);
    }

    /// Length of past and present together: the width of the mask.
    fn total_length(&mut self) -> Value {
        let base = "/model/attn_mask_reformat/attn_mask_subgraph";
        let name = format!("{base}/Gather");
        if self.graph.has_node(&name) {
            return output_of(&name);
        }
        let shape_name = format!("{base}/Shape");
        let shape = Node::new("Shape", &shape_name).inputs(["attention_mask"]);
        let shape = self.node(shape, &shape_name, DataType::Int64, Some(&[2.into()]));
        let one = self.constant(&Constant::Scalar(1));
        let gather = Node::new("Gather", &name).inputs([shape, one]).attribute("axis", 0);
        self.node(gather, &name, DataType::Int64, Some(&[]))
    }

    fn cast_to_i32(&mut self, base: &str, input: Value, shape: Option<&[Dim]>) {
        let name = format!("{base}/Cast");
        let cast = Node::new("Cast", &name).inputs([input]);
        let cast = cast.attribute("to", i64::from(i32::from(DataType::Int32)));
        self.node(cast, &name, DataType::Int32, shape);
    }

    /// Adds a node whose only described output is its first, and returns that.
    fn node(&mut self, node: Node, name: &str, dtype: DataType, shape: Option<&[Dim]>) -> Value {
        let output = output_of(name);
        self.graph.value(&output, dtype, shape);
        self.graph.node(node.outputs([&output]));
        output
    }

    /// A constant integer or list of integers; each is a node once.
    fn constant(&mut self, constant: &Constant) -> Value {
        let text = constant.text();
        let output = format!("/model/constants/INT64/{text}");
        let name = format!("/model/constant_nodes/INT64/{text}");
        if !self.graph.has_node(&name) {
            let tensor = raw_tensor(&output, DataType::Int64, &constant.dims(), constant.bytes());
            self.graph.value(&output, DataType::Int64, Some(&[]));
            let node = Node::new("Constant", name).outputs([&output]);
            self.graph.node(node.attribute("value", tensor));
        }
        output
    }
}

/// Shape of activations of this width.
fn hidden_shape(width: usize) -> [Dim; 3] {
    ["batch_size".into(), "sequence_length".into(), Dim::Fixed(size(width))]
}

/// An integer or a list of integers in the graph.
enum Constant {
    Scalar(i64),
    List(Vec<i64>),
}

impl Constant {
    fn text(&self) -> String {
        match self {
            Self::Scalar(value) => value.to_string(),
            Self::List(values) => format!("{values:?}"),
        }
    }

    fn dims(&self) -> Vec<i64> {
        match self {
            Self::Scalar(_) => Vec::new(),
            Self::List(values) => vec![size(values.len())],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Scalar(value) => value.to_le_bytes().to_vec(),
            Self::List(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

/// Name of the first output of the node called `name`.
fn output_of(name: &str) -> Value {
    format!("{name}/output_0")
}
