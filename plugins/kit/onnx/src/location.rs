//! Where external data lies: the file, offset and length that a tensor names.
//!
//! A graph comes from strangers: what it names is followed only inside the folder it lies in.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::OnnxError;
use crate::proto::tensor_proto::DataType;
use crate::proto::{StringStringEntryProto, TensorProto};
use crate::value::packed_bytes;

/// A part of a file.
#[derive(Debug)]
pub(crate) struct Location {
    /// The file, opened.
    pub(crate) file: File,
    /// Its path.
    pub(crate) path: PathBuf,
    /// Where the part starts, in bytes.
    pub(crate) offset: u64,
    /// How long it is, in bytes; never longer than the file.
    pub(crate) length: u64,
}

/// Opens the external data of `tensor`, whose graph lies in `folder`.
///
/// A missing offset is the start of the file, a missing length what type and shape say, or the
/// rest of the file.
///
/// # Errors
/// When the tensor names a place that is none or leads out of `folder`, or the file cannot be read.
pub(crate) fn locate(tensor: &TensorProto, folder: &Path) -> Result<Location, OnnxError> {
    let path = path_inside(tensor, folder)?;
    let read_error = |source| OnnxError::Read { path: path.clone(), source };
    let file = File::open(&path).map_err(read_error)?;
    let metadata = file.metadata().map_err(read_error)?;
    if !metadata.is_file() {
        return Err(wrong_entry(tensor, "location"));
    }
    let offset = number(tensor, "offset")?.unwrap_or(0);
    let rest = metadata.len().saturating_sub(offset);
    let wanted = match number(tensor, "length")? {
        Some(length) => length,
        None => expected_bytes(tensor).unwrap_or(rest),
    };
    Ok(Location { file, path, offset, length: wanted.min(rest) })
}

/// Bytes that type and shape of `tensor` ask for; `None` for text and unknown types.
///
/// Shapes that no memory holds ask for `u64::MAX`.
pub(crate) fn expected_bytes(tensor: &TensorProto) -> Option<u64> {
    let dtype = DataType::try_from(tensor.data_type()).unwrap_or_default();
    packed_bytes(dtype, 0)?;
    let mut dims = tensor.dims.iter().map(|&dim| u64::try_from(dim).ok());
    let elements = dims.try_fold(1_u64, |product, dim| product.checked_mul(dim?));
    Some(elements.and_then(|elements| packed_bytes(dtype, elements)).unwrap_or(u64::MAX))
}

/// Holds `actual` against what type and shape of `tensor` ask for.
pub(crate) fn check_length(tensor: &TensorProto, actual: u64) -> Result<(), OnnxError> {
    match expected_bytes(tensor) {
        Some(expected) if expected != actual => {
            Err(OnnxError::TensorLength { name: tensor.name().to_owned(), expected, actual })
        }
        _ => Ok(()),
    }
}

/// Entries that say where external data lies.
pub(crate) fn entries(location: &str, offset: u64, length: u64) -> Vec<StringStringEntryProto> {
    let entry = |key: &str, value: String| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value),
    };
    vec![
        entry("location", location.to_owned()),
        entry("offset", offset.to_string()),
        entry("length", length.to_string()),
    ]
}

/// File of the external data of `tensor`, as the tensor names it; empty when it has none.
pub fn external_file(tensor: &TensorProto) -> &str {
    entry(tensor, "location").unwrap_or_default()
}

fn path_inside(tensor: &TensorProto, folder: &Path) -> Result<PathBuf, OnnxError> {
    let location = external_file(tensor);
    let is_inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || !Path::new(location).components().all(is_inside) {
        return Err(wrong_entry(tensor, "location"));
    }
    let resolve = |path: &Path| -> Result<PathBuf, OnnxError> {
        path.canonicalize()
            .map_err(|source: io::Error| OnnxError::Read { path: path.to_owned(), source })
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let path = resolve(&folder.join(location))?;
    if !path.starts_with(resolve(folder)?) {
        return Err(OnnxError::LinkOut { name: tensor.name().to_owned(), path });
    }
    Ok(path)
}

fn entry<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    tensor.external_data.iter().find(|entry| entry.key() == key).map(StringStringEntryProto::value)
}

fn number(tensor: &TensorProto, key: &'static str) -> Result<Option<u64>, OnnxError> {
    let parse = |text: &str| text.parse().map_err(|_| wrong_entry(tensor, key));
    entry(tensor, key).map(parse).transpose()
}

fn wrong_entry(tensor: &TensorProto, key: &'static str) -> OnnxError {
    let value = entry(tensor, key).unwrap_or_default().to_owned();
    OnnxError::ExternalData { name: tensor.name().to_owned(), key, value }
}
