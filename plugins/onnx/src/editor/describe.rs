//! Values and tensors as they are described outside of ONNX, and back.

use std::io::ErrorKind;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::tensor_shape_proto::Dimension;
use olive_kit_onnx::proto::tensor_shape_proto::dimension::Value as Size;
use olive_kit_onnx::proto::{SparseTensorProto, TensorProto, TensorShapeProto, ValueInfoProto};
use olive_kit_onnx::{
    self as kit, Model, OnnxError, external_file, packed_bytes, raw_tensor, value_info,
};
use olive_schemas::graph::{Dim, SHOWN_BYTES, TensorView, ValueView};

use super::elements;
use crate::error::RewriteError;
use crate::numbers::dtype;

/// What is known of a value.
pub(super) fn value(value: &ValueInfoProto) -> ValueView {
    let dtype = value.dtype().filter(|&dtype| dtype != DataType::Undefined);
    let dim = |dim: &Dimension| match &dim.value {
        Some(Size::DimValue(size)) => Dim::Size(*size),
        Some(Size::DimParam(name)) => Dim::Name(name.clone()),
        None => Dim::Name(String::new()),
    };
    ValueView {
        name: value.name().to_owned(),
        dtype: dtype.map(|dtype| dtype.as_str_name().to_owned()),
        shape: value.shape().map(|shape| shape.dim.iter().map(dim).collect()),
    }
}

/// The type of a tensor that `view` describes.
///
/// # Errors
/// When it has no element type that ONNX knows, or a negative size.
pub(super) fn value_proto(view: &ValueView) -> Result<ValueInfoProto, String> {
    let Some(name) = &view.dtype else {
        return Err(format!("`{}` has no `dtype`", view.name));
    };
    let dtype = dtype_named(name)?;
    let mut proto = value_info(&view.name, dtype, None);
    let dims = view.shape.as_ref().map(|shape| shape.iter().map(dimension).collect());
    if let (Some(dim), Some(tensor)) = (dims.transpose()?, proto.tensor_mut()) {
        tensor.shape = Some(TensorShapeProto { dim });
    }
    Ok(proto)
}

/// A tensor, with its elements when they are few and their file is there.
///
/// # Errors
/// When these cannot be read.
pub(super) fn tensor(model: &Model, tensor: &TensorProto) -> Result<TensorView, RewriteError> {
    let dtype = dtype(tensor);
    let count = elements(&tensor.dims);
    let bytes = count.and_then(|count| packed_bytes(dtype, count)).unwrap_or(0);
    let values = match count.and_then(|count| usize::try_from(count).ok()) {
        Some(count) if bytes <= SHOWN_BYTES && packed_bytes(dtype, 0).is_some() => {
            match model.bytes(tensor) {
                Ok(bytes) => elements::numbers(&bytes, dtype, count),
                Err(OnnxError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error.into()),
            }
        }
        _ => None,
    };
    let file = external_file(tensor);
    Ok(TensorView {
        name: tensor.name().to_owned(),
        dtype: dtype.as_str_name().to_owned(),
        dims: tensor.dims.clone(),
        bytes,
        file: (kit::is_external(tensor)).then(|| file.trim_start_matches("./").to_owned()),
        values,
    })
}

/// A sparse tensor: the shape that it stands for, and the size of what is stored.
pub(super) fn sparse_tensor(sparse: &SparseTensorProto) -> TensorView {
    let parts = sparse.values.iter().chain(&sparse.indices);
    let size = |part: &TensorProto| packed_bytes(dtype(part), elements(&part.dims)?);
    let values = sparse.values.clone().unwrap_or_default();
    TensorView {
        name: values.name().to_owned(),
        dtype: dtype(&values).as_str_name().to_owned(),
        dims: sparse.dims.clone(),
        bytes: parts.filter_map(size).sum(),
        file: None,
        values: None,
    }
}

/// The tensor that `view` describes.
///
/// # Errors
/// When its type is none of ONNX, or its values do not fit type and shape.
pub(super) fn tensor_proto(view: &TensorView) -> Result<TensorProto, String> {
    let dtype = dtype_named(&view.dtype)?;
    let count = elements(&view.dims);
    let count = count.ok_or_else(|| format!("{:?} is no shape of a tensor", view.dims))?;
    let Some(values) = &view.values else {
        return Err("the tensor has no `values`".to_owned());
    };
    if values.len() as u64 != count {
        let (found, dims) = (values.len(), &view.dims);
        return Err(format!("a tensor of shape {dims:?} takes {count} values, not {found}"));
    }
    let bytes = elements::bytes(values, dtype)?;
    Ok(raw_tensor(&view.name, dtype, &view.dims, bytes))
}

/// The element type of this name.
///
/// # Errors
/// When ONNX has none.
fn dtype_named(name: &str) -> Result<DataType, String> {
    let known = DataType::from_str_name(name).filter(|&dtype| dtype != DataType::Undefined);
    known.ok_or_else(|| format!("`{name}` is no element type of ONNX, such as `FLOAT` or `INT64`"))
}

fn dimension(dim: &Dim) -> Result<Dimension, String> {
    let value = match dim {
        Dim::Size(size) if *size < 0 => return Err(format!("an axis has no size {size}")),
        Dim::Size(size) => Some(Size::DimValue(*size)),
        Dim::Name(name) if name.is_empty() => None,
        Dim::Name(name) => Some(Size::DimParam(name.clone())),
    };
    Ok(Dimension { value, ..Dimension::default() })
}

/// Number of elements, when there is one.
fn elements(dims: &[i64]) -> Option<u64> {
    let mut dims = dims.iter().map(|&dim| u64::try_from(dim).ok());
    dims.try_fold(1_u64, |product, dim| product.checked_mul(dim?))
}
