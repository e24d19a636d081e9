//! The bytes of tensors, wherever a model keeps them.
//!
//! ONNX has three places: `raw_data`, a field for each kind of number, and a file beside the graph.
//! All are read as the same little-endian bytes.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use olive_kit_map::MappedFile;

use crate::error::OnnxError;
use crate::location::{Location, check_length, locate};
use crate::proto::TensorProto;
use crate::proto::tensor_proto::{DataLocation, DataType};

/// Reads the bytes of tensors of one model.
#[derive(Debug, Clone, Default)]
pub struct TensorData {
    folder: PathBuf,
    map: Option<MappedFile>,
}

/// The little-endian bytes of a tensor that carries them itself or in a file in `folder`.
///
/// # Errors
/// When the file lies outside `folder` or cannot be read, or the length does not fit type and shape.
pub fn tensor_bytes(tensor: &TensorProto, folder: &Path) -> Result<Vec<u8>, OnnxError> {
    TensorData { folder: folder.to_owned(), map: None }.bytes(tensor).map(Vec::from)
}

impl TensorData {
    /// Of a model in `folder`, whose graph may be mapped.
    pub(crate) fn new(folder: &Path, map: Option<MappedFile>) -> Self {
        Self { folder: folder.to_owned(), map }
    }

    /// The folder that external data lies in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The little-endian bytes of `tensor`; those inside the graph file are not copied.
    ///
    /// # Errors
    /// As [`tensor_bytes`].
    pub fn bytes(&self, tensor: &TensorProto) -> Result<Bytes, OnnxError> {
        let bytes = if is_external(tensor) {
            external_bytes(&mut locate(tensor, &self.folder)?)?
        } else if let Some(raw) = &tensor.raw_data {
            raw.clone()
        } else {
            field_bytes(tensor).into()
        };
        check_length(tensor, bytes.len() as u64)?;
        Ok(bytes)
    }

    /// The first bytes of `tensor`, at most `length`.
    ///
    /// # Errors
    /// As [`tensor_bytes`].
    pub fn start(&self, tensor: &TensorProto, length: usize) -> Result<Bytes, OnnxError> {
        if is_external(tensor) {
            let mut place = locate(tensor, &self.folder)?;
            place.length = place.length.min(length as u64);
            return external_bytes(&mut place);
        }
        let bytes = self.bytes(tensor)?;
        Ok(bytes.slice(..bytes.len().min(length)))
    }

    /// Hands the bytes of `tensor` over in pieces of at most 4 MiB, and keeps none in memory.
    ///
    /// # Errors
    /// As [`tensor_bytes`], and those of `piece`.
    pub fn stream(
        &self,
        tensor: &TensorProto,
        piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>,
    ) -> Result<(), OnnxError> {
        const PIECE_BYTES: usize = 4 << 20;
        if !is_external(tensor) {
            let bytes = self.bytes(tensor)?;
            for part in bytes.chunks(PIECE_BYTES) {
                piece(part)?;
                self.release(part);
            }
            return Ok(());
        }
        let mut place = locate(tensor, &self.folder)?;
        check_length(tensor, place.length)?;
        let mut left = place.length;
        seek(&mut place)?;
        let mut buffer = vec![0; PIECE_BYTES.min(usize::try_from(left).unwrap_or(PIECE_BYTES))];
        while left > 0 {
            let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let part = &mut buffer[..length];
            place.file.read_exact(part).map_err(|source| read_error(&place.path, source))?;
            piece(part)?;
            left -= length as u64;
        }
        Ok(())
    }

    /// Holds place and length of `tensor` against its type and shape, without reading it.
    ///
    /// # Errors
    /// As [`tensor_bytes`].
    pub fn check(&self, tensor: &TensorProto) -> Result<u64, OnnxError> {
        let length = if is_external(tensor) {
            locate(tensor, &self.folder)?.length
        } else if let Some(raw) = &tensor.raw_data {
            raw.len() as u64
        } else {
            field_bytes(tensor).len() as u64
        };
        check_length(tensor, length)?;
        Ok(length)
    }

    /// Gives the pages below `part` of the graph file back to the system.
    pub fn release(&self, part: &[u8]) {
        if let Some(map) = &self.map {
            map.release(part);
        }
    }
}

/// Whether the data of `tensor` lies in a file beside the graph.
pub fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location() == DataLocation::External
}

fn external_bytes(place: &mut Location) -> Result<Bytes, OnnxError> {
    seek(place)?;
    let mut bytes = Vec::new();
    let read = (&mut place.file).take(place.length).read_to_end(&mut bytes);
    read.map_err(|source| read_error(&place.path, source))?;
    Ok(bytes.into())
}

fn seek(place: &mut Location) -> Result<(), OnnxError> {
    let found = place.file.seek(SeekFrom::Start(place.offset));
    found.map(drop).map_err(|source| read_error(&place.path, source))
}

fn read_error(path: &Path, source: std::io::Error) -> OnnxError {
    OnnxError::Read { path: path.to_owned(), source }
}

/// Numbers of the field that the type of `tensor` uses, as little-endian bytes.
fn field_bytes(tensor: &TensorProto) -> Vec<u8> {
    let dtype = DataType::try_from(tensor.data_type()).unwrap_or_default();
    match dtype {
        DataType::Float | DataType::Complex64 => flat(&tensor.float_data, f32::to_le_bytes),
        DataType::Double | DataType::Complex128 => flat(&tensor.double_data, f64::to_le_bytes),
        DataType::Int64 => flat(&tensor.int64_data, i64::to_le_bytes),
        DataType::Uint64 => flat(&tensor.uint64_data, u64::to_le_bytes),
        DataType::Uint32 => flat(&tensor.uint64_data, |x| first::<8, 4>(x.to_le_bytes())),
        DataType::Int32 => flat(&tensor.int32_data, i32::to_le_bytes),
        DataType::Int16 | DataType::Uint16 | DataType::Float16 | DataType::Bfloat16 => {
            flat(&tensor.int32_data, |x| first::<4, 2>(x.to_le_bytes()))
        }
        // One byte each, also where two or four elements share it.
        _ => flat(&tensor.int32_data, |x| first::<4, 1>(x.to_le_bytes())),
    }
}

fn flat<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

/// The low `M` of `N` little-endian bytes.
fn first<const N: usize, const M: usize>(bytes: [u8; N]) -> [u8; M] {
    std::array::from_fn(|index| bytes[index])
}
