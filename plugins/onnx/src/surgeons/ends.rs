//! Inputs and outputs of the graph: their names, their order, which there are.

use olive_kit_onnx::{Model, rename_value};

use crate::error::RewriteError;
use crate::surgery::Surgery;

/// Renames inputs; names that the graph does not have are passed over.
pub(super) fn rename_inputs(surgery: &Surgery, model: &mut Model) {
    for (old, new) in renames(surgery) {
        if model.graph.input.iter().any(|input| input.name() == old) {
            rename_value(&mut model.graph, old, new);
        }
    }
}

/// Renames outputs; names that the graph does not have are passed over.
pub(super) fn rename_outputs(surgery: &Surgery, model: &mut Model) {
    for (old, new) in renames(surgery) {
        if model.graph.output.iter().any(|output| output.name() == old) {
            rename_value(&mut model.graph, old, new);
        }
    }
}

/// Puts inputs into the order of the permutation.
pub(super) fn reorder_inputs(surgery: &Surgery, model: &mut Model) -> Result<(), RewriteError> {
    let order = surgery.permutation.as_deref().unwrap_or_default();
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    let count = model.graph.input.len();
    if !sorted.iter().copied().eq(0..count) {
        let problem = format!("`permutation` must have each number below {count} once");
        return Err(RewriteError::Unfit { edit: "ReorderInputs", problem });
    }
    model.graph.input = order.iter().map(|&index| model.graph.input[index].clone()).collect();
    Ok(())
}

/// Takes inputs out of the graph and out of its nodes, and nodes that had no others.
pub(super) fn remove_inputs(surgery: &Surgery, model: &mut Model) {
    let names = surgery.names.as_deref().unwrap_or_default();
    let is_removed = |name: &str| names.iter().any(|removed| removed == name);
    model.graph.input.retain(|input| !is_removed(input.name()));
    model.graph.node.retain_mut(|node| {
        let before = node.input.len();
        node.input.retain(|input| !is_removed(input));
        before == node.input.len() || !node.input.is_empty()
    });
}

/// Makes the first outputs of the named nodes outputs of the graph.
pub(super) fn expose_outputs(surgery: &Surgery, model: &mut Model) -> Result<(), RewriteError> {
    for name in surgery.names.as_deref().unwrap_or_default() {
        let Some(node) = model.graph.node.iter().find(|node| node.name() == name) else {
            let problem = format!("there is no node `{name}`");
            return Err(RewriteError::Unfit { edit: "ExposeOutputs", problem });
        };
        let value = node.output_at(0);
        let Some(known) = model.graph.value_named(value).cloned() else {
            let problem = format!("the type of `{value}` is not known");
            return Err(RewriteError::Unfit { edit: "ExposeOutputs", problem });
        };
        if !model.graph.output.iter().any(|output| output.name() == value) {
            model.graph.value_info.retain(|info| info.name() != known.name());
            model.graph.output.push(known);
        }
    }
    Ok(())
}

/// Forgets what is said of values between inputs and outputs.
pub(super) fn remove_shapes(model: &mut Model) {
    model.graph.value_info.clear();
}

/// Takes weights out of the list of inputs.
pub(super) fn remove_weights_from_inputs(model: &mut Model) {
    let weights = &model.graph.initializer;
    model.graph.input.retain(|input| !weights.iter().any(|weight| weight.name() == input.name()));
}

fn renames(surgery: &Surgery) -> impl Iterator<Item = (&str, &str)> {
    let old = surgery.old_names.iter().flatten().map(String::as_str);
    old.zip(surgery.new_names.iter().flatten().map(String::as_str))
}
