//! Norms by length, computed in four nodes, as one: `x / (Σ x²)^½`.

use olive_kit_onnx::{Model, Node, Patch, Uses, drop_unused_weights};

use crate::error::RewriteError;
use crate::numbers::constant_floats;

/// Writes `Pow`, `ReduceSum`, `Pow`, `Div` over the last axis as `LpNormalization`.
pub(super) fn operate(model: &mut Model) -> Result<(), RewriteError> {
    let uses = Uses::of(&model.graph);
    let mut patch = Patch::default();
    for (index, divide) in model.graph.node.iter().enumerate() {
        let found = divide.is("Div").then(|| chain(model, &uses, divide.input_at(1))).flatten();
        let Some([root, sum, square]) = found else { continue };
        let input = model.graph.node[square].input_at(0);
        let power = |node: usize| constant_floats(model, model.graph.node[node].input_at(1));
        let is_norm = input == divide.input_at(0)
            && power(square)? == Some(vec![2.0])
            && power(root)? == Some(vec![0.5]);
        let is_alone = [root, sum, square]
            .iter()
            .all(|&node| uses.only_consumer(model.graph.node[node].output_at(0)).is_some());
        if !is_norm || !is_alone {
            continue;
        }
        for node in [root, sum, square] {
            patch.remove(node);
        }
        let norm = Node::new("LpNormalization", format!("{}_lp_norm", divide.name()));
        let norm = norm.inputs([input]).outputs([divide.output_at(0)]);
        patch.replace(index, norm.attribute("p", 2).attribute("axis", -1).into_proto());
    }
    patch.apply(&mut model.graph);
    drop_unused_weights(&mut model.graph);
    Ok(())
}

/// Nodes that make `value`: a power, of a sum, of a power.
fn chain(model: &Model, uses: &Uses, value: &str) -> Option<[usize; 3]> {
    let made = |value: &str, operator: &str| {
        let index = uses.producer(value)?;
        model.graph.node[index].is(operator).then_some(index)
    };
    let root = made(value, "Pow")?;
    let sum = made(model.graph.node[root].input_at(0), "ReduceSum")?;
    let square = made(model.graph.node[sum].input_at(0), "Pow")?;
    Some([root, sum, square])
}
