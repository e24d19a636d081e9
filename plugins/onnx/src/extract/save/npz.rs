//! Archives of numpy: a ZIP file of `.npy` files, not compressed.
//!
//! Format: numpy's `format.rst`, version 1.0.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use olive_kit_onnx::Model;
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::{Place, no_type, shape, write_error};
use crate::error::RewriteError;
use crate::numbers::dtype;

pub(super) fn write(
    model: &Model,
    weights: &[TensorProto],
    path: &Path,
) -> Result<Vec<Place>, RewriteError> {
    let failed = |source: io::Error| write_error(path, source);
    // The same weights make the same file at any time.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT);
    let mut archive = ZipWriter::new(BufWriter::new(File::create(path).map_err(failed)?));
    let mut lengths = Vec::new();
    for weight in weights {
        let start = npy_start(weight)?;
        let bytes = model.bytes(weight)?;
        let is_large = (start.len() + bytes.len()) as u64 >= u64::from(u32::MAX);
        let name = format!("{}.npy", weight.name());
        let begun = archive.start_file(name, options.large_file(is_large));
        begun.map_err(|error| failed(error.into()))?;
        archive.write_all(&start).map_err(failed)?;
        archive.write_all(&bytes).map_err(failed)?;
        lengths.push((start.len() as u64, bytes.len() as u64));
        model.data().release(&bytes);
    }
    let file = archive.finish().map_err(|error| failed(error.into()))?;
    file.into_inner().map_err(|error| failed(error.into_error()))?;
    places(path, &lengths).map_err(failed)
}

/// Where the numbers of each file of the archive at `path` lie, of which and of what stands before
/// them `lengths` has the sizes.
fn places(path: &Path, lengths: &[(u64, u64)]) -> io::Result<Vec<Place>> {
    let mut archive = ZipArchive::new(File::open(path)?)?;
    let place = |(index, &(before, length)): (usize, &(u64, u64))| {
        let start = archive.by_index(index)?.data_start().ok_or(io::ErrorKind::InvalidData)?;
        Ok(start + before..start + before + length)
    };
    lengths.iter().enumerate().map(place).collect()
}

/// What a `.npy` file has before its numbers.
fn npy_start(weight: &TensorProto) -> Result<Vec<u8>, RewriteError> {
    let kind = match dtype(weight) {
        DataType::Float => "<f4",
        DataType::Float16 => "<f2",
        DataType::Double => "<f8",
        DataType::Int8 => "|i1",
        DataType::Uint8 => "|u1",
        DataType::Int32 => "<i4",
        DataType::Int64 => "<i8",
        _ => return Err(no_type(weight, "numpy")),
    };
    let shape = shape(weight);
    let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    // Signature, version, length and text, with a line's end, are a multiple of 64 bytes.
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let length_bytes = u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    let text = format!("{text:<width$}\n", width = length - 1);
    Ok([b"\x93NUMPY\x01\x00", &length_bytes[..], text.as_bytes()].concat())
}
