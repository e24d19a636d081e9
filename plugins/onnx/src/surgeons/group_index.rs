//! Index lists of quantized products that are in order anyway.

use olive_kit_onnx::{Model, drop_unused_weights};

use crate::error::RewriteError;
use crate::numbers::{dtype, integers};

/// Leaves the input `g_idx` of a node out when its numbers never fall.
pub(super) fn operate(model: &mut Model) -> Result<(), RewriteError> {
    let mut found = Vec::new();
    for (index, node) in model.graph.node.iter().enumerate() {
        let Some(place) = node.input.iter().position(|name| name.ends_with("g_idx")) else {
            continue;
        };
        let Some(list) = model.weight(node.input_at(place)) else { continue };
        let groups = integers(&model.bytes(list)?, dtype(list));
        if groups.is_some_and(|groups| groups.is_sorted()) {
            found.push((index, place));
        }
    }
    for (index, place) in found {
        let inputs = &mut model.graph.node[index].input;
        // A place in the middle stays, empty, so that later inputs keep theirs.
        inputs[place].clear();
        while inputs.last().is_some_and(String::is_empty) {
            inputs.pop();
        }
    }
    drop_unused_weights(&mut model.graph);
    Ok(())
}
