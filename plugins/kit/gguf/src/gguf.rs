//! GGUF files: metadata read at once, tensors read a few rows at a time.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3.

pub mod metadata;
mod header;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use candle_core::CpuStorage;
use candle_core::quantized::GgmlDType;

use crate::error::GgufError;
use crate::gguf::metadata::Metadata;

/// A GGUF file, its header checked against its length.
#[derive(Debug)]
pub struct Gguf {
    file: File,
    metadata: Metadata,
    tensors: BTreeMap<String, StoredTensor>,
}

/// Where and how a tensor is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTensor {
    /// Name in the file.
    pub name: String,
    /// How values are stored: one by one or in quantized blocks.
    pub dtype: GgmlDType,
    /// Sizes, slowest first; a row is a whole number of blocks.
    pub shape: Vec<usize>,
    /// Position of the first byte in the file.
    start: u64,
}

impl StoredTensor {
    /// Number of rows: the product of all sizes but the last.
    pub fn num_rows(&self) -> usize {
        self.shape.iter().rev().skip(1).product()
    }

    /// Values in a row: the last size.
    pub fn row_len(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    fn row_bytes(&self) -> usize {
        self.row_len() / self.dtype.block_size() * self.dtype.type_size()
    }
}

impl Gguf {
    /// Opens the file at `path` and reads its header.
    ///
    /// # Errors
    /// When it is missing, of another format, truncated or damaged, or holds a tensor of a type
    /// that is not read.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let read = |source| GgufError::Read { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(read(io::ErrorKind::IsADirectory.into()));
        }
        let file = File::open(path).map_err(read)?;
        let len = file.metadata().map_err(read)?.len();
        let (metadata, tensors) = header::read(path, &file, len)?;
        let tensors = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor));
        Ok(Self { file, metadata, tensors: tensors.collect() })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        self.metadata.path()
    }

    /// What the file says besides its tensors.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The tensor called `name`, if there is one.
    pub fn tensor(&self, name: &str) -> Option<&StoredTensor> {
        self.tensors.get(name)
    }

    /// Names of all tensors, sorted.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Values of some rows of `tensor`, dequantized, `[rows, row_len]`.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When a row is past the end.
    pub fn rows(&self, tensor: &StoredTensor, rows: Range<usize>) -> Result<Vec<f32>, GgufError> {
        assert!(rows.end <= tensor.num_rows(), "rows of `{}`", tensor.name);
        let start = tensor.start + (rows.start * tensor.row_bytes()) as u64;
        let len = rows.len() * tensor.row_bytes();
        // Words, as blocks are read where they lie and must be aligned.
        let mut words = vec![0_u32; len.div_ceil(4)];
        let bytes = &mut bytemuck::cast_slice_mut(&mut words)[..len];
        self.read(start, bytes)
            .map_err(|source| GgufError::Read { path: self.path().to_owned(), source })?;
        let blocks = tensor.dtype.from_data(Cow::Borrowed(bytes));
        let failed = |source| GgufError::Dequantize { name: tensor.name.clone(), source };
        match blocks.dequantize(rows.len() * tensor.row_len()).map_err(failed)? {
            CpuStorage::F32(values) => Ok(values),
            _ => Err(failed(candle_core::Error::Msg("it gives no f32 values".into()))),
        }
    }

    fn read(&self, start: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(bytes)
    }

    /// An error about the content of this file.
    pub(crate) fn error(&self, problem: impl Into<String>) -> GgufError {
        self.metadata.error(problem)
    }
}

pub(crate) fn truncated(path: &Path, problem: impl Into<String>) -> GgufError {
    GgufError::Truncated { path: PathBuf::from(path), problem: problem.into() }
}
