//! One safetensors file: its header checked against its length, its tensors lent from the map.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use olive_kit_map::MappedFile;
use safetensors::SafeTensors;
use safetensors::tensor::{Metadata, SafeTensorError, TensorInfo};

use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::tensor::Tensor;

/// How the small file begins that Git LFS leaves where it has not fetched a large one.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A safetensors file, mapped.
#[derive(Debug)]
pub struct SafetensorsFile {
    path: PathBuf,
    file: MappedFile,
    tensors: BTreeMap<String, TensorInfo>,
    data_start: usize,
}

impl SafetensorsFile {
    /// Maps the file at `path` and checks that its header fits its length.
    ///
    /// # Errors
    /// When the file is missing, unreadable, truncated or damaged.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = MappedFile::open(path).map_err(CheckpointError::read(path))?;
        let bytes = file.as_ref();
        let (header_len, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|error| CheckpointError::damaged(path, explain(&error, bytes)))?;
        let tensors = metadata.tensors().into_iter().map(|(name, info)| (name, info.clone()));
        let tensors: BTreeMap<_, _> = tensors.collect();
        if let Some((name, info)) = tensors.iter().find(|(_, info)| !is_countable(&info.shape)) {
            let problem = format!("tensor `{name}` has shape {:?}, too large to count", info.shape);
            return Err(CheckpointError::damaged(path, problem));
        }
        Ok(Self { path: path.to_owned(), tensors, data_start: header_len + 8, file })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of all tensors, in the order they are stored.
    pub fn names(&self) -> Vec<&str> {
        let mut stored: Vec<_> = self.tensors.iter().collect();
        stored.sort_by_key(|(_, info)| info.data_offsets);
        stored.into_iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether the file holds a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The weight called `name`.
    ///
    /// # Errors
    /// When there is none, or its values are neither F32, F16 nor BF16.
    pub fn tensor(&self, name: &str) -> Result<Tensor<'_>, CheckpointError> {
        let (name, info) = self.info(name)?;
        let stored = info.dtype.to_string();
        let Some(dtype) = Dtype::from_safetensors_name(&stored) else {
            return Err(CheckpointError::Dtype { name: name.to_owned(), found: stored });
        };
        Ok(Tensor { name, dtype, shape: &info.shape, bytes: self.data(info) })
    }

    /// The values of the tensor called `name`, which must be I64, with its shape.
    ///
    /// # Errors
    /// When there is none, or its values are of another type.
    pub fn integers(&self, name: &str) -> Result<(Vec<i64>, &[usize]), CheckpointError> {
        let (name, info) = self.info(name)?;
        if info.dtype != safetensors::Dtype::I64 {
            let found = info.dtype.to_string();
            return Err(CheckpointError::Dtype { name: name.to_owned(), found });
        }
        let values = self.data(info).as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
        Ok((values.collect(), &info.shape))
    }

    /// The stored bytes of the tensor called `name`, of any type.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.tensors.get(name).map(|info| self.data(info))
    }

    /// The stored bytes of the tensor called `name`, which is of the type safetensors calls `dtype`,
    /// and its shape.
    ///
    /// # Errors
    /// When there is none, or its values are of another type.
    pub(crate) fn codes(
        &self,
        name: &str,
        dtype: &'static str,
    ) -> Result<(&[usize], &[u8]), CheckpointError> {
        let (name, info) = self.info(name)?;
        let found = info.dtype.to_string();
        if found != dtype {
            let name = name.to_owned();
            return Err(CheckpointError::CodeType { name, found, expected: dtype });
        }
        Ok((&info.shape, self.data(info)))
    }

    /// Gives the pages of a tensor back to the system; they are read again when touched.
    pub(crate) fn release(&self, name: &str) {
        if let Some(info) = self.tensors.get(name) {
            self.file.release(self.data(info));
        }
    }

    fn info(&self, name: &str) -> Result<(&str, &TensorInfo), CheckpointError> {
        let found = self.tensors.get_key_value(name);
        found.map(|(name, info)| (name.as_str(), info)).ok_or_else(|| {
            CheckpointError::TensorMissing { name: name.to_owned(), path: self.path.clone() }
        })
    }

    fn data(&self, info: &TensorInfo) -> &[u8] {
        let (start, end) = info.data_offsets;
        &self.file.as_ref()[self.data_start + start..self.data_start + end]
    }
}

/// Whether the bytes of each part of a tensor can be counted, also where another size is zero.
fn is_countable(shape: &[usize]) -> bool {
    const WIDEST_VALUE: usize = 8;
    let product = |bytes: usize, &size: &usize| bytes.checked_mul(size.max(1));
    shape.iter().try_fold(WIDEST_VALUE, product).is_some()
}

/// What is wrong with `bytes`, told by their length where that is the reason.
fn explain(error: &SafeTensorError, bytes: &[u8]) -> String {
    if bytes.starts_with(LFS_POINTER) {
        return "it is a pointer of Git LFS, in whose place `git lfs pull` puts the weights".into();
    }
    let found = bytes.len();
    let Some(length) = bytes.first_chunk().map(|length| u64::from_le_bytes(*length)) else {
        return format!("it has {found} bytes, too few for a header");
    };
    match error {
        SafeTensorError::HeaderTooLarge => {
            format!("its header claims {length} bytes, more than the 100000000 allowed")
        }
        SafeTensorError::InvalidHeaderLength => {
            format!("its header claims {length} bytes, but the file has only {found}")
        }
        SafeTensorError::MetadataIncompleteBuffer => match promised_len(bytes) {
            Some(promised) => format!("its header promises {promised} bytes, but it has {found}"),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}

/// Length a file must have by its own header.
fn promised_len(bytes: &[u8]) -> Option<usize> {
    let header_len = usize::try_from(u64::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    let header: Metadata = serde_json::from_slice(bytes.get(8..8 + header_len)?).ok()?;
    Some(8 + header_len + header.data_len())
}
