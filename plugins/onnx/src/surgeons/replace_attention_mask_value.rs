//! Smaller numbers for what attention must not see.
//!
//! The lowest float does not quantize well; a number of some thousand hides as much.

use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Model, Uses, raw_tensor};

use crate::error::RewriteError;
use crate::numbers::{dtype, float_bytes, floats};
use crate::surgery::Surgery;

/// Operators that masks are computed with; a constant that others take too is no mask.
const OF_MASKS: [&str; 5] = ["Add", "Mul", "Expand", "Where", "Shape"];

/// Replaces numbers below the threshold in constants that only operators of masks take.
pub(super) fn operate(surgery: &Surgery, model: &mut Model) -> Result<(), RewriteError> {
    let threshold = surgery.threshold.unwrap_or(-3e30);
    let replacement = surgery.replacement.unwrap_or(-1e4);
    let uses = Uses::of(&model.graph);
    let of_masks = |name: &str| {
        let mut consumers = uses.consumers(name).iter();
        consumers.all(|&index| OF_MASKS.contains(&model.graph.node[index].op_type()))
    };
    let replaced = |tensor: &TensorProto| -> Result<Option<TensorProto>, RewriteError> {
        if dtype(tensor) != DataType::Float {
            return Ok(None);
        }
        let Some(mut values) = floats(&model.bytes(tensor)?, DataType::Float) else {
            return Ok(None);
        };
        if !values.iter().any(|&value| value < threshold) {
            return Ok(None);
        }
        values
            .iter_mut()
            .filter(|value| **value < threshold)
            .for_each(|value| *value = replacement);
        let bytes = float_bytes(&values, DataType::Float).unwrap_or_default();
        Ok(Some(raw_tensor(tensor.name(), DataType::Float, &tensor.dims, bytes)))
    };
    let mut weights = Vec::new();
    for (index, weight) in model.graph.initializer.iter().enumerate() {
        if model.maker(weight.name()).is_none() && of_masks(weight.name()) {
            weights.extend(replaced(weight)?.map(|weight| (index, weight)));
        }
    }
    let mut constants = Vec::new();
    for (index, node) in model.graph.node.iter().enumerate() {
        let is_constant = node.is("Constant") || node.is("ConstantOfShape");
        let value = node.tensor("value").filter(|_| is_constant && of_masks(node.output_at(0)));
        if let Some(value) = value {
            constants.extend(replaced(value)?.map(|value| (index, value)));
        }
    }
    for (index, weight) in weights {
        model.graph.initializer[index] = weight;
    }
    for (index, value) in constants {
        model.graph.node[index].set("value", value);
    }
    Ok(())
}
