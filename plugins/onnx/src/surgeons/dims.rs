//! Names for dimensions of inputs and outputs.

use olive_kit_onnx::Model;
use olive_kit_onnx::proto::ValueInfoProto;
use olive_kit_onnx::proto::tensor_shape_proto::dimension::Value;

use crate::error::RewriteError;
use crate::surgery::Surgery;

/// Names one dimension of the input that is named or counted.
pub(super) fn rename_of_input(surgery: &Surgery, model: &mut Model) -> Result<(), RewriteError> {
    const EDIT: &str = "RenameInputDims";
    let index = match &surgery.input_name {
        Some(name) => {
            let position = model.graph.input.iter().position(|input| input.name() == name);
            position.ok_or_else(|| unfit(EDIT, format!("there is no input `{name}`")))?
        }
        None => surgery.input_idx.unwrap_or(0),
    };
    rename(EDIT, "inputs", &mut model.graph.input, index, surgery)
}

/// Names one dimension of the output that is counted.
pub(super) fn rename_of_output(surgery: &Surgery, model: &mut Model) -> Result<(), RewriteError> {
    let index = surgery.output_idx.unwrap_or(0);
    rename("RenameOutputDims", "outputs", &mut model.graph.output, index, surgery)
}

fn rename(
    edit: &'static str,
    kind: &str,
    values: &mut [ValueInfoProto],
    index: usize,
    surgery: &Surgery,
) -> Result<(), RewriteError> {
    let count = values.len();
    let value = values.get_mut(index);
    let value =
        value.ok_or_else(|| unfit(edit, format!("there are {count} {kind}, none {index}")))?;
    let name = value.name().to_owned();
    let shape = value.tensor_mut().and_then(|tensor| tensor.shape.as_mut());
    let shape = shape.ok_or_else(|| unfit(edit, format!("`{name}` has no shape")))?;
    let (rank, index) = (shape.dim.len(), surgery.dim_idx.unwrap_or(0));
    let dim = shape.dim.get_mut(index);
    let dim =
        dim.ok_or_else(|| unfit(edit, format!("`{name}` has {rank} dimensions, none {index}")))?;
    dim.value = Some(Value::DimParam(surgery.dim_name.clone().unwrap_or_default()));
    Ok(())
}

fn unfit(edit: &'static str, problem: String) -> RewriteError {
    RewriteError::Unfit { edit, problem }
}
