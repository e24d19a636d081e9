//! Writing GGUF files: the header at once, tensors as their bytes come.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, version 3, little-endian.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use candle_core::quantized::GgmlDType;

use crate::error::GgufError;
use crate::tensor_type;

/// Tensors begin at multiples of so many bytes.
const ALIGNMENT: usize = 32;

/// One value of the metadata, with its type in the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// An unsigned integer.
    Count(u32),
    /// A single.
    Number(f32),
    /// True or false.
    Flag(bool),
    /// A string.
    Text(String),
    /// Strings.
    Texts(Vec<String>),
    /// Signed integers.
    Integers(Vec<i32>),
    /// Singles.
    Numbers(Vec<f32>),
}

/// A tensor that a file is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTensor {
    /// Name in the file.
    pub name: String,
    /// How values are stored.
    pub dtype: GgmlDType,
    /// Sizes, slowest first; a row is a whole number of blocks.
    pub shape: Vec<usize>,
}

/// A GGUF file that is being written.
#[derive(Debug)]
pub struct GgufWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl NewTensor {
    /// Bytes of all values.
    pub fn size_bytes(&self) -> usize {
        let values: usize = self.shape.iter().product();
        values / self.dtype.block_size() * self.dtype.type_size()
    }
}

impl GgufWriter {
    /// Creates the file at `path` with its header; the bytes of `tensors` follow in their order.
    ///
    /// # Errors
    /// When the file cannot be written; nothing of it is left then.
    pub fn create(
        path: &Path,
        metadata: &[(String, Entry)],
        tensors: &[NewTensor],
    ) -> Result<Self, GgufError> {
        let header = header(metadata, tensors);
        let failed = |source| GgufError::Write { path: path.to_owned(), source };
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        if let Err(source) = file.write_all(&header) {
            let _ = fs::remove_file(path);
            return Err(failed(source));
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends bytes of the tensor whose turn it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), GgufError> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| self.failed(source))
    }

    /// Ends `tensor`, all of whose bytes are written.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end(&mut self, tensor: &NewTensor) -> Result<(), GgufError> {
        let size = tensor.size_bytes();
        self.append(&[0; ALIGNMENT][..size.next_multiple_of(ALIGNMENT) - size])
    }

    /// Writes what is left to the disk.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<(), GgufError> {
        let written = self.file.flush();
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> GgufError {
        GgufError::Write { path: self.path.clone(), source }
    }
}

/// All that comes before the first tensor's bytes.
fn header(metadata: &[(String, Entry)], tensors: &[NewTensor]) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    put_len(&mut bytes, tensors.len());
    put_len(&mut bytes, metadata.len());
    for (key, entry) in metadata {
        put_text(&mut bytes, key);
        put_entry(&mut bytes, entry);
    }
    let mut start = 0;
    for tensor in tensors {
        put_text(&mut bytes, &tensor.name);
        bytes.extend(u32::try_from(tensor.shape.len()).unwrap_or(u32::MAX).to_le_bytes());
        for &size in tensor.shape.iter().rev() {
            put_len(&mut bytes, size);
        }
        bytes.extend(tensor_type::number(tensor.dtype).to_le_bytes());
        put_len(&mut bytes, start);
        start += tensor.size_bytes().next_multiple_of(ALIGNMENT);
    }
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes
}

fn put_entry(bytes: &mut Vec<u8>, entry: &Entry) {
    match entry {
        Entry::Count(value) => {
            put_kind(bytes, 4);
            bytes.extend(value.to_le_bytes());
        }
        Entry::Number(value) => {
            put_kind(bytes, 6);
            bytes.extend(value.to_le_bytes());
        }
        Entry::Flag(value) => {
            put_kind(bytes, 7);
            bytes.push(u8::from(*value));
        }
        Entry::Text(value) => {
            put_kind(bytes, 8);
            put_text(bytes, value);
        }
        Entry::Texts(values) => {
            put_list(bytes, 8, values.len());
            for value in values {
                put_text(bytes, value);
            }
        }
        Entry::Integers(values) => {
            put_list(bytes, 5, values.len());
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        Entry::Numbers(values) => {
            put_list(bytes, 6, values.len());
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
}

fn put_list(bytes: &mut Vec<u8>, kind: u32, len: usize) {
    put_kind(bytes, 9);
    put_kind(bytes, kind);
    put_len(bytes, len);
}

fn put_kind(bytes: &mut Vec<u8>, kind: u32) {
    bytes.extend(kind.to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_len(bytes, text.len());
    bytes.extend(text.as_bytes());
}

fn put_len(bytes: &mut Vec<u8>, len: usize) {
    bytes.extend((len as u64).to_le_bytes());
}
