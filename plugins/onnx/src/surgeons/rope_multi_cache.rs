//! One cache of rotary embeddings instead of two between which a length decides.

use olive_kit_onnx::proto::{NodeProto, TensorProto};
use olive_kit_onnx::{Model, Uses, replace_uses, subgraphs};

use crate::error::RewriteError;
use crate::surgery::Surgery;

/// Keeps the cache for short or for long texts where an `If` node chooses between them.
///
/// Caches are the inputs 7 and 8 of `GroupQueryAttention`, or 2 and 3 of `RotaryEmbedding`.
pub(super) fn operate(surgery: &Surgery, model: &mut Model) -> Result<(), RewriteError> {
    let size = if surgery.use_large_cache == Some(true) { "large" } else { "small" };
    let uses = Uses::of(&model.graph);
    let Some(inputs) = model.graph.node.iter().find_map(cache_inputs) else { return Ok(()) };
    let choices: Vec<_> = inputs.iter().filter_map(|name| uses.producer(name)).collect();
    let &[cos, sin] = choices.as_slice() else { return Ok(()) };
    if cos != sin || !model.graph.node[cos].is("If") {
        return Ok(());
    }
    let names = [format!("cos_cache_{size}"), format!("sin_cache_{size}")];
    let [cos_cache, sin_cache] = [&names[0], &names[1]].map(|name| cache(model, cos, name));
    let (Some(cos_cache), Some(sin_cache)) = (cos_cache, sin_cache) else {
        let problem = format!("there is no constant `{}` or `{}`", names[0], names[1]);
        return Err(RewriteError::Unfit { edit: "RemoveRopeMultiCache", problem });
    };
    let condition = model.graph.node[cos].input_at(0).to_owned();
    for (input, cache, name) in
        [(&inputs[0], cos_cache, "cos_cache_single"), (&inputs[1], sin_cache, "sin_cache_single")]
    {
        model.graph.initializer.push(TensorProto { name: Some(name.to_owned()), ..cache });
        replace_uses(&mut model.graph, input, name);
    }
    drop_choice(model, cos, uses.producer(&condition));
    Ok(())
}

/// Takes out the `If` node at `choice`, the comparison it depends on, and what only they took.
fn drop_choice(model: &mut Model, choice: usize, comparison: Option<usize>) {
    let mut index = 0;
    model.graph.node.retain(|_| {
        index += 1;
        index - 1 != choice && Some(index - 1) != comparison
    });
    olive_kit_onnx::drop_unused_weights(&mut model.graph);
}

/// Names of the caches that a node takes, cosines first.
fn cache_inputs(node: &NodeProto) -> Option<[String; 2]> {
    let places = match node.op_type() {
        "GroupQueryAttention" if node.input.len() >= 9 => [7, 8],
        "RotaryEmbedding" if node.input.len() >= 4 => [2, 3],
        _ => return None,
    };
    Some(places.map(|place| node.input_at(place).to_owned()))
}

/// The constant `name`: a weight, or of a node in the graph or in a branch of the node at `choice`.
fn cache(model: &Model, choice: usize, name: &str) -> Option<TensorProto> {
    let branches = subgraphs(&model.graph.node[choice]);
    let nodes = model.graph.node.iter().chain(branches.flat_map(|branch| &branch.node));
    let mut constants = nodes.filter(|node| node.is("Constant") && node.output_at(0) == name);
    let weight = model.weight(name).cloned();
    weight.or_else(|| constants.next()?.tensor("value").cloned())
}
