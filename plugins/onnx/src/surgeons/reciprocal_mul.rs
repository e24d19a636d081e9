//! Products with a reciprocal as quotients, the form in which ONNX Runtime finds norms to fuse.

use olive_kit_onnx::{Model, Uses, drop_dead_nodes};

use crate::surgeons::renamed;

/// Writes `Mul(a, Reciprocal(x))` as `Div(a, x)`.
pub(super) fn operate(model: &mut Model) {
    let uses = Uses::of(&model.graph);
    let mut is_changed = false;
    for index in 0..model.graph.node.len() {
        let node = &model.graph.node[index];
        if !node.is("Mul") {
            continue;
        }
        let reciprocal = |value: &str| {
            let maker = &model.graph.node[uses.producer(value)?];
            maker.is("Reciprocal").then(|| maker.input_at(0).to_owned())
        };
        let [first, second] = [node.input_at(0), node.input_at(1)];
        let quotient = match (reciprocal(first), reciprocal(second)) {
            (Some(below), _) => [second.to_owned(), below],
            (None, Some(below)) => [first.to_owned(), below],
            (None, None) => continue,
        };
        let name = renamed(node.name(), "Mul", "Div");
        let node = &mut model.graph.node[index];
        node.op_type = Some("Div".to_owned());
        node.input = quotient.to_vec();
        node.name = node.name.take().filter(|name| !name.is_empty()).map(|_| name);
        is_changed = true;
    }
    if is_changed {
        drop_dead_nodes(&mut model.graph);
    }
}
