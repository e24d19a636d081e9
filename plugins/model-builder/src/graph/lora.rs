//! Products with an adapter beside them that stays one, so that other adapters can take its place.

use std::ops::Range;

use olive_kit_checkpoint::Linear;
use olive_kit_onnx::Node;

use super::{Planner, Value, hidden_shape};
use crate::adapter;
use crate::weights::{Matrix, Rows};

impl Planner<'_> {
    /// The product of `input` and some rows of a layer, with what an adapter of that layer adds:
    /// `W x + B (A x)`, where `B` carries the scale.
    pub(super) fn rows_product(
        &mut self,
        base: &str,
        input: &str,
        linear: &Linear,
        rows: Range<usize>,
    ) -> Value {
        let Some(rank) = self.source.adapter_rank(&linear.name) else {
            return self.alone(base, input, linear, rows);
        };
        let [a, b] = adapter::tensors(&linear.name);
        let a = Matrix::stored(&a, rank, linear.in_features);
        let width = rows.len();
        let b = Matrix { n: width, k: rank, parts: vec![Rows { tensor: b, rows: rows.clone() }] };
        let inner = self.product(&format!("{base}/lora_A/MatMul"), input, a);
        let added = self.product(&format!("{base}/lora_B/MatMul"), &inner, b);
        let product = self.alone(base, input, linear, rows);
        let name = format!("{base}/lora/Add");
        let node = Node::new("Add", &name).inputs([product, added]);
        self.node(node, &name, self.io(), Some(&hidden_shape(width)))
    }

    /// The product of `input` and some rows of a layer alone.
    fn alone(&mut self, base: &str, input: &str, linear: &Linear, rows: Range<usize>) -> Value {
        let name = format!("{base}/MatMul");
        let (parts, shape) = ([(linear, rows.clone())], hidden_shape(rows.len()));
        let packed = self.packed_product(&name, input, &parts, &shape, None);
        packed.unwrap_or_else(|| self.product(&name, input, Matrix::rows(linear, rows)))
    }
}
