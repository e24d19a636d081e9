//! The edits of `GraphSurgeries`, one file each.
//!
//! A surgeon takes the graph as it is and changes every place it knows; a graph without such a
//! place stays as it is. Nodes need not be in order afterwards.

mod gemm_to_matmul_add;
mod matmul_add_to_gemm;
mod tie_word_embeddings;
mod replace_attention_mask_value;
mod dims;
mod rope_multi_cache;
mod sequence_lengths;
mod l2_norm;
mod lp_norm;
mod reciprocal_mul;
mod group_index;
mod duplicates;
mod memcpy;
mod packed_attention;
mod ends;

use olive_kit_onnx::Model;

use crate::error::RewriteError;
use crate::surgery::{Surgeon, Surgery};

/// Does one surgery.
pub(crate) fn operate(surgery: &Surgery, model: &mut Model) -> Result<(), RewriteError> {
    match surgery.surgeon {
        Surgeon::GemmToMatMulAdd => gemm_to_matmul_add::operate(model),
        Surgeon::TieWordEmbeddings => tie_word_embeddings::operate(model)?,
        Surgeon::ReplaceAttentionMaskValue => {
            replace_attention_mask_value::operate(surgery, model)?;
        }
        Surgeon::MatMulAddToGemm => matmul_add_to_gemm::operate(model),
        Surgeon::RenameInputDims => dims::rename_of_input(surgery, model)?,
        Surgeon::RenameOutputDims => dims::rename_of_output(surgery, model)?,
        Surgeon::RemoveRopeMultiCache => rope_multi_cache::operate(surgery, model)?,
        Surgeon::AttentionMaskToSequenceLengths => sequence_lengths::operate(model)?,
        Surgeon::SimplifiedLayerNormToL2Norm => l2_norm::operate(model)?,
        Surgeon::ReciprocalMulToDiv => reciprocal_mul::operate(model),
        Surgeon::RemoveGidxFromMatMulNBits => group_index::operate(model)?,
        Surgeon::DeduplicateSubgraphInitializers => duplicates::weights_of_subgraphs(model),
        Surgeon::DeduplicateNodes => duplicates::nodes(model),
        Surgeon::RemoveMemcpy => memcpy::operate(model),
        Surgeon::PackedAttentionToLoopMHA => packed_attention::operate(model)?,
        Surgeon::PowReduceSumPowDiv2LpNorm => lp_norm::operate(model)?,
        Surgeon::RenameInputs => ends::rename_inputs(surgery, model),
        Surgeon::RenameOutputs => ends::rename_outputs(surgery, model),
        Surgeon::ReorderInputs => ends::reorder_inputs(surgery, model)?,
        Surgeon::RemoveInputs => ends::remove_inputs(surgery, model),
        Surgeon::ExposeOutputs => ends::expose_outputs(surgery, model)?,
        Surgeon::RemoveShapes => ends::remove_shapes(model),
        Surgeon::RemoveInitializerFromInputs => ends::remove_weights_from_inputs(model),
    }
    Ok(())
}

/// `name` with the operator in it changed, or added when it is not there.
fn renamed(name: &str, old_operator: &str, new_operator: &str) -> String {
    if name.contains(old_operator) {
        name.replace(old_operator, new_operator)
    } else {
        format!("{name}_{new_operator}")
    }
}
