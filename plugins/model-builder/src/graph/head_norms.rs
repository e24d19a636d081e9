//! RMS norms of query and key heads, before rotation: inputs of attention where its kernels norm,
//! else nodes that look at heads one by one.

use olive_kit_onnx::{Dim, Node};

use super::attention::{HeadNormWeights, Projected};
use super::constant::Constant;
use super::{Planner, Value, hidden_shape, output_of};
use crate::weights::size;

impl Planner<'_> {
    /// Normed queries and keys and, where attention is to norm them itself, the weights for that.
    ///
    /// A family without these norms gets back what it gave.
    pub(super) fn head_norms(
        &mut self,
        layer: usize,
        base: &str,
        projected: Projected,
    ) -> (Projected, Option<HeadNormWeights>) {
        let Some([of_queries, of_keys]) = self.decoder.norms(layer).heads else {
            return (projected, None);
        };
        let Projected { query, key, value } = self.split(base, projected);
        let [queries, keys] = ["q_norm", "k_norm"].map(|norm| format!("{base}/{norm}"));
        if self.target.norms_in_attention() {
            let weights = [(queries, of_queries), (keys, of_keys)]
                .map(|(base, tensor)| self.norm_weight(&format!("{base}/layernorm"), tensor));
            return (Projected { query, key, value }, Some(weights));
        }
        let (width, rows) = (self.decoder.query_width(), "sequence_length * num_attention_heads");
        let query = self.head_norm(&queries, of_queries, &query, width, rows);
        let (width, rows) = (self.decoder.kv_width(), "sequence_length * num_key_value_heads");
        let key = self.head_norm(&keys, of_keys, &key, width, rows);
        (Projected { query, key, value }, None)
    }

    /// Queries, keys and values each as a value of its own.
    fn split(&mut self, base: &str, projected: Projected) -> Projected {
        if !projected.is_packed() {
            return projected;
        }
        let widths = [self.decoder.query_width(), self.decoder.kv_width(), self.decoder.kv_width()];
        let sizes = self.constant(&Constant::List(widths.map(size).to_vec()));
        let name = format!("{base}/qkv_proj/Split");
        let outputs = [0, 1, 2].map(|index| format!("{name}/output_{index}"));
        for (output, width) in outputs.iter().zip(widths) {
            self.graph.value(output, self.io(), Some(&hidden_shape(width)));
        }
        let node = Node::new("Split", &name).inputs([projected.query, sizes]).outputs(&outputs);
        self.graph.node(node.attribute("axis", -1));
        let [query, key, value] = outputs;
        Projected { query, key, value }
    }

    /// Heads `width` wide together, normed one by one; `rows` is how many of them there are.
    fn head_norm(
        &mut self,
        base: &str,
        tensor: String,
        input: &str,
        width: usize,
        rows: &str,
    ) -> Value {
        let head_dim = size(self.decoder.head_dim);
        let heads: [Dim; 3] = ["batch_size".into(), rows.into(), head_dim.into()];
        let apart = self.reshaped(&format!("{base}/Reshape_1"), input, head_dim, &heads);
        let weight = self.norm_weight(&format!("{base}/layernorm"), tensor);
        let name = format!("{base}/SimplifiedLayerNormalization");
        let node = self.norm_node(&name).inputs([apart, weight]);
        let normed = self.node(node, &name, self.io(), Some(&heads));
        let shape = hidden_shape(width);
        self.reshaped(&format!("{base}/Reshape_2"), &normed, size(width), &shape)
    }

    /// `input` as rows of `width`.
    fn reshaped(&mut self, name: &str, input: &str, width: i64, shape: &[Dim]) -> Value {
        let target = self.constant(&Constant::List(vec![0, -1, width]));
        let node = Node::new("Reshape", name).inputs([input, &target]).outputs([output_of(name)]);
        self.graph.value(&output_of(name), self.io(), Some(shape));
        self.graph.node(node);
        output_of(name)
    }
}
