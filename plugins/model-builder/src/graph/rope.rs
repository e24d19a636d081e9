//! Tables of cos and sin: two initializers, or for `LongRoPE` an `If` that chooses between two pairs.

use olive_kit_checkpoint::rope::{LongRope, RopeScaling};
use olive_kit_onnx::proto::GraphProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Dim, GraphBuilder, Node, raw_tensor};

use super::{Constant, Planner};
use crate::weights::{Weight, size};

impl Planner<'_> {
    /// The tables of a model with one pair of them, the first time it is called.
    pub(super) fn rope_caches(&mut self) {
        let has_caches = |weight: &Weight| matches!(weight, Weight::RopeCaches { .. });
        if self.long_rope().is_some() || self.float_weights.iter().any(has_caches) {
            return;
        }
        let rope = self.decoder.rope.clone();
        let positions = self.decoder.max_positions;
        self.float_weights.push(Weight::RopeCaches { rope, positions });
    }

    /// The tables of a model with `LongRoPE`: beyond the original length those of the long factors.
    pub(super) fn long_rope_caches(&mut self) {
        let Some(long) = self.long_rope() else { return };
        let original = long.original_max_positions;
        let limit = self.constant(&Constant::Scalar(size(original)));
        let total = self.total_length();
        let base = "/model/rope_caches_subgraph";
        let name = format!("{base}/Greater");
        let is_long = Node::new("Greater", &name).inputs([total, limit]);
        let is_long = self.node(is_long, &name, DataType::Bool, Some(&[]));
        let shape: [Dim; 2] = ["max_sequence_length".into(), "head_dim / 2".into()];
        for cache in ["cos_cache", "sin_cache"] {
            self.graph.value(cache, DataType::Float, Some(&shape));
        }
        let node = Node::new("If", format!("{base}/If"))
            .inputs([is_long])
            .outputs(["cos_cache", "sin_cache"])
            .attribute("then_branch", self.caches_graph("large", self.decoder.max_positions))
            .attribute("else_branch", self.caches_graph("small", original));
        self.graph.node(node);
    }

    /// `LongRoPE` of a model that was stretched; one that was not only ever uses its short factors.
    fn long_rope(&self) -> Option<&LongRope> {
        match &self.decoder.rope.scaling {
            RopeScaling::LongRope(long) => {
                (long.original_max_positions < self.decoder.max_positions).then_some(long)
            }
            RopeScaling::None | RopeScaling::Llama3(_) => None,
        }
    }

    /// A branch that holds the tables of a sequence of `positions`.
    fn caches_graph(&self, name: &str, positions: usize) -> GraphProto {
        let rope = &self.decoder.rope;
        let (cos, sin) = rope.tables(0..positions, positions);
        let dims = [size(positions), size(rope.rotary_dim / 2)];
        let mut graph = GraphBuilder::new(&format!("{name}_rope_caches_graph"));
        for (cache, values) in [("cos_cache", cos), ("sin_cache", sin)] {
            let output = format!("{cache}_{name}");
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let tensor = raw_tensor("", DataType::Float, &dims, bytes);
            graph.output(&output, DataType::Float, &dims.map(Dim::Fixed));
            let node = Node::new("Constant", format!("/{name}/{cache}/Constant"));
            graph.node(node.outputs([output]).attribute("value", tensor));
        }
        graph.finish(Vec::new())
    }
}
