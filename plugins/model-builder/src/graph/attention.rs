//! Attention with a KV cache in one operator, `GroupQueryAttention`, which rotates where it can.

use olive_kit_checkpoint::{Linear, LinearRole};
use olive_kit_onnx::Node;

use super::{Planner, Value, hidden_shape, output_of};
use crate::weights::size;

/// Queries, keys and values; all in the first where they are packed.
pub(super) struct Projected {
    pub(super) query: Value,
    pub(super) key: Value,
    pub(super) value: Value,
}

/// Names of the weights of a layer's norms of query heads and of key heads.
pub(super) type HeadNormWeights = [String; 2];

impl Projected {
    /// Whether all are in the first.
    pub(super) fn is_packed(&self) -> bool {
        self.key.is_empty()
    }
}

impl Planner<'_> {
    /// What attention adds to the residual stream.
    pub(super) fn attention(&mut self, layer: usize, linears: &[Linear], input: &str) -> Value {
        let base = format!("/model/layers.{layer}/attn");
        let projected = if self.packs_qkv(&base, linears) {
            self.packed_projection(&base, linears, input)
        } else {
            self.projections(&base, linears, input)
        };
        let (normed, norms) = self.head_norms(layer, &base, projected);
        let rotated = self.rotated(&base, normed);
        let attended = self.group_query_attention(layer, &base, rotated, norms);
        let output = &[LinearRole::Output];
        self.layer_product(&format!("{base}/o_proj"), &attended, linears, output)
    }

    /// Whether one product makes queries, keys and values: not where one of the three is to stay as
    /// it is or is packed otherwise, nor in a graph with adapters.
    fn packs_qkv(&self, base: &str, linears: &[Linear]) -> bool {
        use LinearRole::{Key, Qkv, Query, Value};
        let roles = [Qkv, Query, Key, Value];
        let parts: Vec<_> = linears.iter().filter(|it| roles.contains(&it.role)).collect();
        let excludes = |part: &str| {
            let node = format!("{base}/{part}/MatMul");
            self.quantization.as_ref().is_some_and(|quantization| quantization.excludes(&node))
        };
        self.target.packs_qkv()
            && self.layout.packs_qkv
            && !self.keeps_adapter
            && self.are_alike(&parts)
            && !["q_proj", "k_proj", "v_proj"].into_iter().any(excludes)
    }

    fn packed_projection(&mut self, base: &str, linears: &[Linear], input: &str) -> Projected {
        use LinearRole::{Key, Qkv, Query, Value};
        let roles = [Qkv, Query, Key, Value];
        let query = self.layer_product(&format!("{base}/qkv_proj"), input, linears, &roles);
        Projected { query, key: String::new(), value: String::new() }
    }

    /// Three products, cut apart where the family stores them as one; that one has no biases.
    fn projections(&mut self, base: &str, linears: &[Linear], input: &str) -> Projected {
        use LinearRole::{Key, Query, Value};
        let [query, key, value] = ["q_proj", "k_proj", "v_proj"].map(|it| format!("{base}/{it}"));
        if let Some(fused) = linears.iter().find(|linear| linear.role == LinearRole::Qkv) {
            let (queries, keys) = (self.decoder.query_width(), self.decoder.kv_width());
            let mut part = |base: &str, start, width| {
                self.rows_product(base, input, fused, start..start + width)
            };
            return Projected {
                query: part(&query, 0, queries),
                key: part(&key, queries, keys),
                value: part(&value, queries + keys, keys),
            };
        }
        // The biases of all three follow the products of all three.
        let parts = [(query, Query), (key, Key), (value, Value)].map(|(base, role)| {
            let of_role: Vec<_> = linears.iter().filter(|linear| linear.role == role).collect();
            let product = self.stacked_product(&base, input, &of_role);
            (base, product, of_role)
        });
        let [query, key, value] =
            parts.map(|(base, product, of_role)| self.biased(&base, product, &of_role));
        Projected { query, key, value }
    }

    /// Rotated queries and keys, unless attention rotates them; the tables are made in any case.
    fn rotated(&mut self, base: &str, projected: Projected) -> Projected {
        self.rope_caches();
        if self.target.rotates_in_attention() {
            return projected;
        }
        let decoder = self.decoder;
        let query = self.rotation(base, "q_rotary", &projected.query, decoder.num_heads);
        let key = self.rotation(base, "k_rotary", &projected.key, decoder.num_kv_heads);
        Projected { query, key, value: projected.value }
    }

    fn group_query_attention(
        &mut self,
        layer: usize,
        base: &str,
        projected: Projected,
        norms: Option<HeadNormWeights>,
    ) -> Value {
        let past = |part: &str| format!("past_key_values.{layer}.{part}");
        let present = |part: &str| format!("present.{layer}.{part}");
        let name = format!("{base}/GroupQueryAttention");
        let output = output_of(&name);
        let shape = hidden_shape(self.decoder.query_width());
        self.graph.value(&output, self.io(), Some(&shape));
        let is_fused = self.target.rotates_in_attention();
        let [cos, sin] = if is_fused { ["cos_cache", "sin_cache"] } else { ["", ""] };
        let node = Node::new("GroupQueryAttention", &name)
            .domain(Node::MICROSOFT)
            .inputs([projected.query, projected.key, projected.value])
            .inputs([past("key"), past("value"), self.last_positions(), self.longest()])
            .inputs([cos, sin, "", "", ""])
            .outputs([output.clone(), present("key"), present("value")]);
        let node = self.with_attention_attributes(layer, node);
        self.graph.node(match norms {
            None => node,
            Some([queries, keys]) => {
                let node = node.inputs(["", "", &queries, &keys]);
                node.attribute("qk_norm_epsilon", self.epsilon())
            }
        });
        output
    }

    fn with_attention_attributes(&self, layer: usize, node: Node) -> Node {
        #[expect(clippy::cast_possible_truncation, reason = "attributes are 32-bit float")]
        let [scale, cap] =
            [self.decoder.attention_scale, self.decoder.attention_softcap.unwrap_or(0.0)]
                .map(|value| value as f32);
        let node = node
            .attribute("num_heads", size(self.decoder.num_heads))
            .attribute("kv_num_heads", size(self.decoder.num_kv_heads))
            .attribute("scale", scale)
            .attribute("local_window_size", self.decoder.window(layer).map_or(-1, size))
            .attribute("softcap", cap)
            .attribute("do_rotary", i64::from(self.target.rotates_in_attention()))
            .attribute("rotary_interleaved", 0);
        let is_short = self.has_short_cache(layer) && self.target.marks_short_caches();
        if is_short { node.attribute("sliding_window_cache", 1) } else { node }
    }
}
