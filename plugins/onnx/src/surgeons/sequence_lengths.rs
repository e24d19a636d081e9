//! Sequence lengths as inputs, instead of an attention mask they are computed from.

use std::collections::BTreeSet;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Dim, Model, Patch, Uses, drop_unused_weights, replace_uses, value_info};

use crate::error::RewriteError;

const EDIT: &str = "AttentionMaskToSequenceLengths";

/// Makes the lengths that `GroupQueryAttention` takes inputs of the graph.
///
/// `past_seq_len` is of shape (batch, 1), `total_seq_len` a scalar, both INT32. What computed them
/// from `attention_mask` goes; a mask that other nodes need too is refused.
pub(super) fn operate(model: &mut Model) -> Result<(), RewriteError> {
    let graph = &model.graph;
    let Some(attention) = graph.node.iter().find(|node| node.is_microsoft("GroupQueryAttention"))
    else {
        return Ok(());
    };
    let lengths = [attention.input_at(5).to_owned(), attention.input_at(6).to_owned()];
    if graph.input.iter().any(|input| lengths.iter().any(|name| name == input.name())) {
        return Ok(());
    }
    let tokens = graph.input.iter().find(|input| input.name() == "input_ids");
    let batch = tokens.and_then(|tokens| tokens.shape()?.dim.first()?.value.clone());
    let batch = match batch.ok_or_else(|| unfit("there is no input `input_ids` with a shape"))? {
        olive_kit_onnx::proto::tensor_shape_proto::dimension::Value::DimValue(size) => {
            Dim::Fixed(size)
        }
        olive_kit_onnx::proto::tensor_shape_proto::dimension::Value::DimParam(name) => {
            Dim::Symbol(name)
        }
    };
    let dropped = nodes_of_mask(model, &lengths)?;
    let inputs = [("past_seq_len", vec![batch, Dim::Fixed(1)]), ("total_seq_len", Vec::new())];
    let mut patch = Patch::default();
    for index in dropped {
        patch.remove(index);
    }
    patch.apply(&mut model.graph);
    for (length, (name, shape)) in lengths.iter().zip(inputs) {
        model.graph.input.push(value_info(name, DataType::Int32, Some(&shape)));
        replace_uses(&mut model.graph, length, name);
    }
    model.graph.input.retain(|input| input.name() != "attention_mask");
    drop_unused_weights(&mut model.graph);
    Ok(())
}

/// Nodes that compute `lengths` from the mask, and nothing else.
fn nodes_of_mask(model: &Model, lengths: &[String; 2]) -> Result<BTreeSet<usize>, RewriteError> {
    let uses = Uses::of(&model.graph);
    let mut found = BTreeSet::new();
    let mut next: Vec<usize> = uses.consumers("attention_mask").to_vec();
    while let Some(index) = next.pop() {
        if !found.insert(index) {
            continue;
        }
        for output in &model.graph.node[index].output {
            if uses.is_output(output) {
                return Err(unfit("an output of the graph depends on `attention_mask`"));
            }
            for &consumer in uses.consumers(output) {
                if !model.graph.node[consumer].is_microsoft("GroupQueryAttention") {
                    next.push(consumer);
                } else if !lengths.contains(output) {
                    return Err(unfit("caches of rotary embeddings depend on `attention_mask`"));
                }
            }
        }
    }
    Ok(found)
}

fn unfit(problem: &str) -> RewriteError {
    RewriteError::Unfit { edit: EDIT, problem: problem.to_owned() }
}
