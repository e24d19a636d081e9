//! Values: element types, dimensions, and the tensors and value infos made of them.

use crate::proto::tensor_proto::DataType;
use crate::proto::tensor_shape_proto::{Dimension, dimension};
use crate::proto::{TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto};

/// One dimension of a value's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// Known when the graph is written.
    Fixed(i64),
    /// Known when the graph runs; equal names are equal sizes.
    Symbol(String),
}

impl From<&str> for Dim {
    fn from(name: &str) -> Self {
        Self::Symbol(name.to_owned())
    }
}

impl From<i64> for Dim {
    fn from(size: i64) -> Self {
        Self::Fixed(size)
    }
}

/// The description of a value; without a shape its rank is unknown.
pub fn value_info(name: &str, dtype: DataType, shape: Option<&[Dim]>) -> ValueInfoProto {
    let tensor = type_proto::Tensor {
        elem_type: Some(dtype.into()),
        shape: shape.map(|dims| TensorShapeProto { dim: dims.iter().map(dimension).collect() }),
    };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: Some(name.to_owned()), r#type, ..ValueInfoProto::default() }
}

/// A tensor that carries its little-endian bytes itself.
pub fn raw_tensor(name: &str, dtype: DataType, dims: &[i64], bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        name: (!name.is_empty()).then(|| name.to_owned()),
        data_type: Some(dtype.into()),
        dims: dims.to_vec(),
        raw_data: Some(bytes.into()),
        ..TensorProto::default()
    }
}

/// Bytes that `elements` of a type take when packed; `None` for text and types of no known width.
///
/// Elements of less than a byte share bytes, the first in the low bits.
pub const fn packed_bytes(dtype: DataType, elements: u64) -> Option<u64> {
    match dtype {
        DataType::Int4 | DataType::Uint4 | DataType::Float4e2m1 => Some(elements.div_ceil(2)),
        DataType::Int2 | DataType::Uint2 => Some(elements.div_ceil(4)),
        _ => match size_bytes(dtype) {
            Some(size) => elements.checked_mul(size),
            None => None,
        },
    }
}

/// Bytes of one element; `None` for types that share bytes or have no fixed width.
pub const fn size_bytes(dtype: DataType) -> Option<u64> {
    match dtype {
        DataType::Bool
        | DataType::Int8
        | DataType::Uint8
        | DataType::Float8e4m3fn
        | DataType::Float8e4m3fnuz
        | DataType::Float8e5m2
        | DataType::Float8e5m2fnuz
        | DataType::Float8e8m0 => Some(1),
        DataType::Bfloat16 | DataType::Float16 | DataType::Int16 | DataType::Uint16 => Some(2),
        DataType::Float | DataType::Int32 | DataType::Uint32 => Some(4),
        DataType::Complex64 | DataType::Double | DataType::Int64 | DataType::Uint64 => Some(8),
        DataType::Complex128 => Some(16),
        _ => None,
    }
}

fn dimension(dim: &Dim) -> Dimension {
    let value = match dim {
        Dim::Fixed(size) => dimension::Value::DimValue(*size),
        Dim::Symbol(name) => dimension::Value::DimParam(name.clone()),
    };
    Dimension { value: Some(value), ..Dimension::default() }
}
