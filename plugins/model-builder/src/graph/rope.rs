//! Tables of cos and sin, and rotation by them.
//!
//! A model has two tables. One with `LongRoPE` has two pairs, between which an `If` chooses, or which
//! stand one after the other where the provider has no `If`.

use olive_kit_checkpoint::Decoder;
use olive_kit_checkpoint::rope::{LongRope, RopeScaling};
use olive_kit_onnx::proto::GraphProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Dim, GraphBuilder, Node, raw_tensor};

use super::constant::Constant;
use super::{Planner, Value, hidden_shape};
use crate::weights::{Weight, size};

/// `LongRoPE` of a model that was stretched; one that was not only ever uses its short factors.
pub(crate) fn long_rope(decoder: &Decoder) -> Option<&LongRope> {
    match &decoder.rope.scaling {
        RopeScaling::LongRope(long) => {
            (long.original_max_positions < decoder.max_positions).then_some(long)
        }
        RopeScaling::None | RopeScaling::Llama3(_) => None,
    }
}

impl Planner<'_> {
    /// The tables of a model with one pair of them, the first time it is called.
    pub(super) fn rope_caches(&mut self) {
        let has_caches = |weight: &Weight| matches!(weight, Weight::RopeCaches { .. });
        if long_rope(self.decoder).is_some() || self.float_weights.iter().any(has_caches) {
            return;
        }
        self.push_rope_caches(vec![self.decoder.max_positions]);
    }

    fn push_rope_caches(&mut self, lengths: Vec<usize>) {
        let (rope, dtype) = (self.decoder.rope.clone(), self.target.io);
        self.float_weights.push(Weight::RopeCaches { rope, lengths, dtype });
    }

    /// Queries or keys of `num_heads` heads, rotated.
    pub(super) fn rotation(
        &mut self,
        base: &str,
        part: &str,
        input: &str,
        num_heads: usize,
    ) -> Value {
        let (head_dim, rotary_dim) = (self.decoder.head_dim, self.decoder.rope.rotary_dim);
        // 0 stands for all entries of a head, whose number the shape then says.
        let is_partial = rotary_dim != head_dim;
        let of_partial = |value| if is_partial { size(value) } else { 0 };
        let name = format!("{base}/{part}/RotaryEmbedding");
        let node = Node::new("RotaryEmbedding", &name)
            .domain(Node::MICROSOFT)
            .inputs([input, &self.table_rows(), "cos_cache", "sin_cache"])
            .attribute("interleaved", 0)
            .attribute("num_heads", of_partial(num_heads))
            .attribute("rotary_embedding_dim", of_partial(rotary_dim));
        self.node(node, &name, self.io(), Some(&hidden_shape(head_dim * num_heads)))
    }

    /// The tables of a model with `LongRoPE`: beyond the original length those of the long factors.
    pub(super) fn long_rope_caches(&mut self) {
        let Some(long) = long_rope(self.decoder) else { return };
        let original = long.original_max_positions;
        if !self.target.has_if() {
            self.push_rope_caches(vec![original, self.decoder.max_positions]);
            if !self.target.rotates_in_attention() {
                self.positions_in_two_tables(original);
            }
            return;
        }
        let limit = self.constant(&Constant::Scalar(size(original)));
        let total = self.total_length();
        let base = "/model/rope_caches_subgraph";
        let name = format!("{base}/Greater");
        let is_long = Node::new("Greater", &name).inputs([total, limit]);
        let is_long = self.node(is_long, &name, DataType::Bool, Some(&[]));
        let shape: [Dim; 2] = ["max_sequence_length".into(), "head_dim / 2".into()];
        for cache in ["cos_cache", "sin_cache"] {
            self.graph.value(cache, self.io(), Some(&shape));
        }
        let node = Node::new("If", format!("{base}/If"))
            .inputs([is_long])
            .outputs(["cos_cache", "sin_cache"])
            .attribute("then_branch", self.caches_graph("large", self.decoder.max_positions))
            .attribute("else_branch", self.caches_graph("small", original));
        self.graph.node(node);
    }

    /// A branch that holds the tables of a sequence of `positions`.
    fn caches_graph(&self, name: &str, positions: usize) -> GraphProto {
        let rope = &self.decoder.rope;
        let (cos, sin) = rope.tables(0..positions, positions);
        let dims = [size(positions), size(rope.rotary_dim / 2)];
        let mut graph = GraphBuilder::new(&format!("{name}_rope_caches_graph"));
        for (cache, values) in [("cos_cache", cos), ("sin_cache", sin)] {
            let output = format!("{cache}_{name}");
            let mut bytes = Vec::new();
            self.target.io.encode(&values, &mut bytes);
            let tensor = raw_tensor("", self.io(), &dims, bytes);
            graph.output(&output, self.io(), &dims.map(Dim::Fixed));
            let node = Node::new("Constant", format!("/{name}/{cache}/Constant"));
            graph.node(node.outputs([output]).attribute("value", tensor));
        }
        graph.finish(Vec::new())
    }
}
