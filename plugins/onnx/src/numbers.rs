//! Numbers of tensors: from bytes of any float type and back.

use half::{bf16, f16};
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Model, raw_tensor};

use crate::error::RewriteError;

/// The numbers of little-endian `bytes`, when `dtype` is a float type.
pub(crate) fn floats(bytes: &[u8], dtype: DataType) -> Option<Vec<f64>> {
    Some(match dtype {
        DataType::Float => each(bytes, |part| f64::from(f32::from_le_bytes(part))),
        DataType::Double => each(bytes, f64::from_le_bytes),
        DataType::Float16 => each(bytes, |part| f16::from_le_bytes(part).to_f64()),
        DataType::Bfloat16 => each(bytes, |part| bf16::from_le_bytes(part).to_f64()),
        _ => return None,
    })
}

/// `values` as little-endian bytes, rounded to the float type `dtype`.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the type is what is asked for")]
pub(crate) fn float_bytes(values: &[f64], dtype: DataType) -> Option<Vec<u8>> {
    let bytes = |encode: &dyn Fn(f64) -> Vec<u8>| values.iter().flat_map(|&x| encode(x)).collect();
    Some(match dtype {
        DataType::Float => bytes(&|x| (x as f32).to_le_bytes().to_vec()),
        DataType::Double => bytes(&|x| x.to_le_bytes().to_vec()),
        DataType::Float16 => bytes(&|x| f16::from_f64(x).to_le_bytes().to_vec()),
        DataType::Bfloat16 => bytes(&|x| bf16::from_f64(x).to_le_bytes().to_vec()),
        _ => return None,
    })
}

/// The integers of a tensor of 32 or 64 bits, or one of less.
pub(crate) fn integers(bytes: &[u8], dtype: DataType) -> Option<Vec<i64>> {
    Some(match dtype {
        DataType::Int64 => each(bytes, i64::from_le_bytes),
        DataType::Int32 => each(bytes, |part| i32::from_le_bytes(part).into()),
        DataType::Int8 => bytes.iter().map(|&byte| i64::from(byte.cast_signed())).collect(),
        DataType::Uint8 | DataType::Bool => bytes.iter().map(|&byte| byte.into()).collect(),
        _ => return None,
    })
}

/// Element type of a tensor; `Undefined` when it is none that is known.
pub(crate) fn dtype(tensor: &TensorProto) -> DataType {
    DataType::try_from(tensor.data_type()).unwrap_or_default()
}

/// A weight of 64-bit integers.
pub(crate) fn integer_weight(name: &str, values: &[i64]) -> TensorProto {
    let dims = [i64::try_from(values.len()).unwrap_or(i64::MAX)];
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    raw_tensor(name, DataType::Int64, &dims, bytes)
}

/// A scalar of 64 bits.
pub(crate) fn integer(name: &str, value: i64) -> TensorProto {
    raw_tensor(name, DataType::Int64, &[], value.to_le_bytes().to_vec())
}

/// The tensor of a constant: a weight, or what a `Constant` node holds.
pub(crate) fn constant<'a>(model: &'a Model, value: &str) -> Option<&'a TensorProto> {
    let made = |node: &&olive_kit_onnx::proto::NodeProto| {
        node.is("Constant") && node.output_at(0) == value
    };
    let node = || model.graph.node.iter().find(made)?.tensor("value");
    model.weight(value).or_else(node)
}

/// The numbers of the constant `value`, when it is one of a float type.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn constant_floats(
    model: &Model,
    value: &str,
) -> Result<Option<Vec<f64>>, RewriteError> {
    let Some(tensor) = constant(model, value) else { return Ok(None) };
    Ok(floats(&model.bytes(tensor)?, dtype(tensor)))
}

fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (parts, _) = bytes.as_chunks::<N>();
    parts.iter().map(|&part| read(part)).collect()
}
