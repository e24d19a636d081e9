//! The format of the `safetensors` library: a header of JSON, then the bytes of each tensor.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use olive_kit_onnx::Model;
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use serde_json::{Map, Value, json};

use super::{Place, no_type, write_error};
use crate::error::RewriteError;
use crate::numbers::dtype;

pub(super) fn write(
    model: &Model,
    weights: &[TensorProto],
    path: &Path,
) -> Result<Vec<Place>, RewriteError> {
    let (mut entries, mut ends) = (Map::new(), vec![0]);
    let mut end = 0_u64;
    for weight in weights {
        let (name, size) = type_of(weight).ok_or_else(|| no_type(weight, "safetensors"))?;
        let start = end;
        end += size * weight.dims.iter().product::<i64>().unsigned_abs();
        let entry = json!({"dtype": name, "shape": weight.dims, "data_offsets": [start, end]});
        entries.insert(weight.name().to_owned(), entry);
        ends.push(end);
    }
    let mut header = Value::Object(entries).to_string();
    // Data begins at a multiple of 8 bytes.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let length = header.len() as u64;
    let failed = |source| write_error(path, source);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    file.write_all(&length.to_le_bytes()).map_err(failed)?;
    file.write_all(header.as_bytes()).map_err(failed)?;
    for weight in weights {
        let bytes = model.bytes(weight)?;
        file.write_all(&bytes).map_err(failed)?;
        model.data().release(&bytes);
    }
    file.flush().map_err(failed)?;
    let start = 8 + length;
    Ok(ends.windows(2).map(|pair| start + pair[0]..start + pair[1]).collect())
}

/// Name of a type in the header, and its size in bytes.
fn type_of(weight: &TensorProto) -> Option<(&'static str, u64)> {
    Some(match dtype(weight) {
        DataType::Float => ("F32", 4),
        DataType::Float16 => ("F16", 2),
        DataType::Bfloat16 => ("BF16", 2),
        DataType::Double => ("F64", 8),
        DataType::Int8 => ("I8", 1),
        DataType::Uint8 => ("U8", 1),
        DataType::Int32 => ("I32", 4),
        DataType::Int64 => ("I64", 8),
        _ => return None,
    })
}
