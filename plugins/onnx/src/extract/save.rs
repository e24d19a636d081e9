//! Files of weights: ONNX Runtime's adapters, archives of numpy, safetensors.

mod npz;
mod safetensors;

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::{AdapterParameter, Model, OnnxAdapter, OnnxError};

use super::{SaveFormat, unfit};
use crate::error::RewriteError;
use crate::numbers::dtype;

/// Where the bytes of a weight lie in a file.
pub(super) type Place = Range<u64>;

/// Writes `weights` of `model` to `path`, and says where the bytes of each lie.
///
/// # Errors
/// When a weight cannot be read, is of a type that the format does not have, or the file cannot be
/// written.
pub(super) fn save(
    model: &Model,
    weights: &[TensorProto],
    format: SaveFormat,
    path: &Path,
) -> Result<Vec<Place>, RewriteError> {
    match format {
        SaveFormat::OnnxAdapter => onnx_adapter(model, weights, path),
        SaveFormat::Numpy => npz::write(model, weights, path),
        SaveFormat::Safetensors => safetensors::write(model, weights, path),
    }
}

fn onnx_adapter(
    model: &Model,
    weights: &[TensorProto],
    path: &Path,
) -> Result<Vec<Place>, RewriteError> {
    let bytes = weights.iter().map(|weight| model.bytes(weight)).collect::<Result<Vec<_>, _>>()?;
    let parameters = weights.iter().zip(&bytes).map(|(weight, bytes)| AdapterParameter {
        name: weight.name(),
        dtype: dtype(weight),
        dims: weight.dims.clone(),
        bytes,
    });
    OnnxAdapter { parameters: parameters.collect(), ..OnnxAdapter::default() }.write(path)?;
    drop(bytes);
    // Where a flatbuffer has its parts is known when it is read.
    let read_error = |source| OnnxError::Read { path: path.to_owned(), source };
    let file = Bytes::from(std::fs::read(path).map_err(read_error)?);
    let written = OnnxAdapter::parse(&file).map_err(|problem| unfit(problem.to_string()))?;
    let places = written.parameters.iter().map(|parameter| {
        let start = (parameter.bytes.as_ptr().addr() - file.as_ptr().addr()) as u64;
        start..start + parameter.bytes.len() as u64
    });
    Ok(places.collect())
}

fn write_error(path: &Path, source: std::io::Error) -> RewriteError {
    OnnxError::Write { path: path.to_owned(), source }.into()
}

/// Shape as text, with a comma after each size.
fn shape(weight: &TensorProto) -> String {
    let sizes = weight.dims.iter();
    sizes.fold(String::new(), |text, size| format!("{text}{size},"))
}

fn no_type(weight: &TensorProto, format: &str) -> RewriteError {
    let (name, kind) = (weight.name(), dtype(weight));
    unfit(format!("{format} has no type {kind:?}, of which `{name}` is; set another `save_format`"))
}
