//! Products with layers that are codes already: they are written as they are.

use std::ops::Range;

use olive_kit_checkpoint::{Linear, PackedLayer};
use olive_kit_onnx::{Dim, Node};

use super::linear::initializer_name;
use super::{Planner, Value, output_of};
use crate::weights::{PackedPart, Weight, size};

impl Planner<'_> {
    /// Whether these layers can be parts of one product: in floats all, or packed all alike.
    pub(super) fn are_alike(&self, linears: &[&Linear]) -> bool {
        let mut packed = linears.iter().map(|linear| self.source.packed(&linear.name));
        let first = packed.next();
        packed.all(|it| Some(it) == first)
    }

    /// The product, of this shape, of `input` and layers side by side that are packed alike; `None`
    /// where they are in floats. The product is the value `output`, or called after its node, which is called after
    /// the product `name` would have in floats.
    pub(super) fn packed_product(
        &mut self,
        name: &str,
        input: &str,
        parts: &[(&Linear, Range<usize>)],
        shape: &[Dim],
        output: Option<&str>,
    ) -> Option<Value> {
        let (first, _) = parts.first()?;
        let layer = self.source.packed(&first.name)?.clone();
        let name = format!("{name}NBits");
        let width = parts.iter().map(|(_, rows)| rows.len()).sum();
        let output = output.map_or_else(|| output_of(&name), str::to_owned);
        self.graph.value(&output, self.io(), Some(shape));
        let base = initializer_name(&name);
        let node = Node::new("MatMulNBits", &name)
            .domain(Node::MICROSOFT)
            .inputs([input.to_owned(), format!("{base}.qweight"), format!("{base}.scales")])
            .inputs((!layer.format.is_symmetric).then(|| format!("{base}.qzeros")))
            .inputs(empty_before_order(&layer))
            .inputs(layer.order.as_ref().map(|_| format!("{base}.g_idx")))
            .outputs([&output])
            .attribute("accuracy_level", i64::from(self.accuracy_level()))
            .attribute("bits", size(layer.format.bits.count()))
            .attribute("block_size", size(layer.format.block_size))
            .attribute("K", size(first.in_features))
            .attribute("N", size(width));
        self.graph.node(node);
        let parts = parts
            .iter()
            .map(|(linear, rows)| PackedPart { linear: (*linear).clone(), rows: rows.clone() });
        let (parts, dtype) = (parts.collect(), self.target.io);
        self.float_weights.push(Weight::Packed { name: base, parts, layer, dtype });
        Some(output)
    }

    fn accuracy_level(&self) -> u8 {
        self.quantization.as_ref().map_or(0, |quantization| quantization.accuracy_level)
    }
}

/// The place of zero points where there are none, but an order of inputs after them.
fn empty_before_order(layer: &PackedLayer) -> Option<&'static str> {
    (layer.format.is_symmetric && layer.order.is_some()).then_some("")
}
