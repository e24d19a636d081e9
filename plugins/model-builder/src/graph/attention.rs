//! Attention with a KV cache and rotation in one operator, `GroupQueryAttention`.

use olive_kit_checkpoint::{Linear, LinearRole};
use olive_kit_onnx::Node;
use olive_kit_onnx::proto::tensor_proto::DataType;

use super::{Planner, Value, hidden_shape, output_of};
use crate::weights::size;

/// Length of each row, minus one, as `GroupQueryAttention` wants it.
const LAST_POSITIONS: &str = "/model/attn_mask_reformat/attn_mask_subgraph/Sub/Cast/output_0";
/// Length of past and present together.
const TOTAL_LENGTH: &str = "/model/attn_mask_reformat/attn_mask_subgraph/Gather/Cast/output_0";

impl Planner<'_> {
    /// What attention adds to the residual stream.
    pub(super) fn attention(&mut self, layer: usize, linears: &[Linear], input: &str) -> Value {
        use LinearRole::{Key, Output, Qkv, Query, Value};
        let base = format!("/model/layers.{layer}/attn");
        let qkv = self.layer_product(
            &format!("{base}/qkv_proj"),
            input,
            linears,
            &[Qkv, Query, Key, Value],
        );
        self.rope_caches();
        let attended =
            self.group_query_attention(layer, &format!("{base}/GroupQueryAttention"), &qkv);
        self.layer_product(&format!("{base}/o_proj"), &attended, linears, &[Output])
    }

    fn group_query_attention(&mut self, layer: usize, name: &str, qkv: &str) -> Value {
        let past = |part: &str| format!("past_key_values.{layer}.{part}");
        let present = |part: &str| format!("present.{layer}.{part}");
        let (past_key, past_value) = (past("key"), past("value"));
        let output = output_of(name);
        let shape = hidden_shape(self.decoder.query_width());
        self.graph.value(&output, DataType::Float, Some(&shape));
        let node = Node::new("GroupQueryAttention", name)
            .domain(Node::MICROSOFT)
            .inputs([qkv, "", "", &past_key, &past_value, LAST_POSITIONS, TOTAL_LENGTH])
            .inputs(["cos_cache", "sin_cache", "", "", ""])
            .outputs([output.clone(), present("key"), present("value")]);
        self.graph.node(self.with_attention_attributes(layer, node));
        output
    }

    fn with_attention_attributes(&self, layer: usize, node: Node) -> Node {
        #[expect(clippy::cast_possible_truncation, reason = "attributes are 32-bit float")]
        let scale = self.decoder.attention_scale as f32;
        node.attribute("num_heads", size(self.decoder.num_heads))
            .attribute("kv_num_heads", size(self.decoder.num_kv_heads))
            .attribute("scale", scale)
            .attribute("local_window_size", self.decoder.window(layer).map_or(-1, size))
            .attribute("softcap", 0.0)
            .attribute("do_rotary", 1)
            .attribute("rotary_interleaved", 0)
    }
}
