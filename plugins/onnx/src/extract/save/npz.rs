//! Archives of numpy: a ZIP file of `.npy` files, not compressed.
//!
//! Formats: numpy's `format.rst`, version 1.0; PKWARE's `APPNOTE`, with sizes of 32 bits.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Model, OnnxError};

use super::{Place, no_type, shape, write_error};
use crate::error::RewriteError;
use crate::numbers::dtype;

/// Signature, versions needed, flags and method of a file's own header: not compressed.
const LOCAL: [u8; 10] = [b'P', b'K', 3, 4, 20, 0, 0, 0, 0, 0];
/// The same of its entry in the directory, with the version it was made by.
const ENTRY: [u8; 12] = [b'P', b'K', 1, 2, 20, 0, 20, 0, 0, 0, 0, 0];
/// Signature of the end, and that there is one part.
const END: [u8; 8] = [b'P', b'K', 5, 6, 0, 0, 0, 0];
/// Midnight of the first day of 1980, as numpy writes it.
const TIME: [u8; 4] = [0, 0, 33, 0];

pub(super) fn write(
    model: &Model,
    weights: &[TensorProto],
    path: &Path,
) -> Result<Vec<Place>, RewriteError> {
    let failed = |source| write_error(path, source);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let (mut directory, mut places, mut at) = (Vec::new(), Vec::new(), 0_u64);
    for weight in weights {
        let start = npy_start(weight)?;
        let bytes = model.bytes(weight)?;
        let name = format!("{}.npy", weight.name());
        let size = short(start.len() as u64 + bytes.len() as u64, path)?;
        let crc = crc32(&[&start, &bytes]);
        let sizes = [crc, size, size].map(u32::to_le_bytes).concat();
        let lengths = [name_length(&name), [0, 0]].concat();
        let local = [&LOCAL[..], &TIME, &sizes, &lengths, name.as_bytes(), &start].concat();
        let offset = short(at, path)?.to_le_bytes();
        // No comment, one part, no attributes.
        let rest = [&[0; 10][..], &offset].concat();
        directory.extend([&ENTRY[..], &TIME, &sizes, &lengths, &rest, name.as_bytes()].concat());
        file.write_all(&local).map_err(failed)?;
        file.write_all(&bytes).map_err(failed)?;
        let begin = at + local.len() as u64;
        at = begin + bytes.len() as u64;
        places.push(begin..at);
        model.data().release(&bytes);
    }
    let count = u16::try_from(weights.len()).map_err(|_| too_large(path, at))?.to_le_bytes();
    let size = short(directory.len() as u64, path)?.to_le_bytes();
    let end = [&END[..], &count, &count, &size, &short(at, path)?.to_le_bytes(), &[0; 2]].concat();
    file.write_all(&directory).map_err(failed)?;
    file.write_all(&end).map_err(failed)?;
    file.flush().map_err(failed)?;
    Ok(places)
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

fn name_length(name: &str) -> [u8; 2] {
    u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes()
}

/// A size or place, in 32 bits.
fn short(size: u64, path: &Path) -> Result<u32, RewriteError> {
    u32::try_from(size).map_err(|_| too_large(path, size))
}

fn too_large(path: &Path, size: u64) -> RewriteError {
    OnnxError::LargeAdapter { path: path.to_owned(), size, limit: u32::MAX.into() }.into()
}

/// CRC-32 of parts that follow each other, with the polynomial of ZIP.
fn crc32(parts: &[&[u8]]) -> u32 {
    const TABLE: [u32; 256] = table();
    let bytes = parts.iter().copied().flatten();
    !bytes.fold(u32::MAX, |crc, &byte| TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8))
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    let mut start = 0_u32;
    while index < 256 {
        let (mut crc, mut bit) = (start, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
        start += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn check_sums_are_those_of_zip() {
        for (text, expected) in [("", 0), ("123456789", 0xcbf4_3926_u32)] {
            assert_eq!(crc32(&[text.as_bytes()]), expected, "{text}");
        }
        assert_eq!(crc32(&[b"1234", b"56789"]), 0xcbf4_3926);
    }
}
