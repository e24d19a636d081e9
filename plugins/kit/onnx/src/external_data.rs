//! External data: tensors in a file beside the graph.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

use crate::error::OnnxError;
use crate::partial_file::PartialFile;
use crate::proto::tensor_proto::{DataLocation, DataType};
use crate::proto::{StringStringEntryProto, TensorProto};
use crate::value::size_bytes;

/// Streams tensors, one after the other without gaps, into a file beside the graph.
///
/// The file appears under its name when [`ExternalDataWriter::finish`] is called; dropping the
/// writer before leaves nothing.
pub struct ExternalDataWriter {
    file: PartialFile,
    location: String,
    offset: u64,
}

/// Takes the bytes of one tensor, in as many pieces as suits.
pub struct TensorWriter<'a> {
    data: &'a mut ExternalDataWriter,
    tensor: TensorProto,
    length: u64,
}

impl ExternalDataWriter {
    /// Starts the file `location` in `folder`.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(folder: &Path, location: &str) -> Result<Self, OnnxError> {
        let file = PartialFile::create(&folder.join(location))?;
        Ok(Self { file, location: location.to_owned(), offset: 0 })
    }

    /// Starts a tensor.
    pub fn tensor(&mut self, name: &str, dtype: DataType, dims: &[i64]) -> TensorWriter<'_> {
        let tensor = TensorProto {
            name: Some(name.to_owned()),
            data_type: Some(dtype.into()),
            dims: dims.to_vec(),
            ..TensorProto::default()
        };
        TensorWriter { data: self, tensor, length: 0 }
    }

    /// Puts the file in place.
    ///
    /// # Errors
    /// When the last bytes cannot be written or the file cannot be renamed.
    pub fn finish(self) -> Result<(), OnnxError> {
        self.file.commit()
    }
}

impl TensorWriter<'_> {
    /// Appends little-endian bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), OnnxError> {
        self.length += bytes.len() as u64;
        self.data.file.write(bytes)
    }

    /// Appends numbers.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write_floats(&mut self, values: &[f32]) -> Result<(), OnnxError> {
        const PIECE: usize = 4096;
        let mut bytes = [0; 4 * PIECE];
        for values in values.chunks(PIECE) {
            let bytes = &mut bytes[..4 * values.len()];
            for (bytes, value) in bytes.chunks_exact_mut(4).zip(values) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
            self.write(bytes)?;
        }
        Ok(())
    }

    /// Ends the tensor and returns the initializer that refers to it.
    ///
    /// # Errors
    /// When it got more or fewer bytes than its type and shape say.
    pub fn finish(mut self) -> Result<TensorProto, OnnxError> {
        check_length(&self.tensor, self.length)?;
        let entry = |key: &str, value: String| StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value),
        };
        self.tensor.external_data = vec![
            entry("location", self.data.location.clone()),
            entry("offset", self.data.offset.to_string()),
            entry("length", self.length.to_string()),
        ];
        self.tensor.data_location = Some(DataLocation::External.into());
        self.data.offset += self.length;
        Ok(self.tensor)
    }
}

/// The little-endian bytes of a tensor that carries them itself or in a file in `folder`.
///
/// # Errors
/// When the file lies outside `folder` or cannot be read, or the length does not fit type and shape.
pub fn tensor_bytes(tensor: &TensorProto, folder: &Path) -> Result<Vec<u8>, OnnxError> {
    let bytes = match tensor.data_location() {
        DataLocation::Default => tensor.raw_data().to_vec(),
        DataLocation::External => external_bytes(tensor, folder)?,
    };
    check_length(tensor, bytes.len() as u64)?;
    Ok(bytes)
}

fn check_length(tensor: &TensorProto, actual: u64) -> Result<(), OnnxError> {
    let Some(size) =
        size_bytes(tensor.data_type.unwrap_or_default().try_into().unwrap_or_default())
    else {
        return Ok(());
    };
    let mut dims = tensor.dims.iter().map(|&dim| u64::try_from(dim).ok());
    let expected = dims.try_fold(size, |product, dim| product.checked_mul(dim?));
    if expected == Some(actual) {
        return Ok(());
    }
    let expected = expected.unwrap_or(u64::MAX);
    Err(OnnxError::TensorLength { name: tensor.name().to_owned(), expected, actual })
}

fn external_bytes(tensor: &TensorProto, folder: &Path) -> Result<Vec<u8>, OnnxError> {
    let location = entry(tensor, "location").unwrap_or_default();
    let inside = Path::new(location).components().all(|part| matches!(part, Component::Normal(_)));
    if location.is_empty() || !inside {
        return Err(wrong_entry(tensor, "location"));
    }
    let offset = number(tensor, "offset")?;
    let length = number(tensor, "length")?;
    let path = folder.join(location);
    let read = || {
        let mut file = File::open(&path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(length.min(size)).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| OnnxError::Read { path: path.clone(), source })
}

fn entry<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    tensor.external_data.iter().find(|entry| entry.key() == key).map(StringStringEntryProto::value)
}

fn number(tensor: &TensorProto, key: &'static str) -> Result<u64, OnnxError> {
    let value = entry(tensor, key).and_then(|value| value.parse().ok());
    value.ok_or_else(|| wrong_entry(tensor, key))
}

fn wrong_entry(tensor: &TensorProto, key: &'static str) -> OnnxError {
    let value = entry(tensor, key).unwrap_or_default().to_owned();
    OnnxError::ExternalData { name: tensor.name().to_owned(), key, value }
}
