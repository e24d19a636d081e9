//! External data: tensors in a file beside the graph.

use std::path::Path;

use crate::error::OnnxError;
use crate::location::{check_length, entries};
use crate::partial_file::PartialFile;
use crate::proto::TensorProto;
use crate::proto::tensor_proto::{DataLocation, DataType};

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
        self.tensor.external_data = entries(&self.data.location, self.data.offset, self.length);
        self.tensor.data_location = Some(DataLocation::External.into());
        self.data.offset += self.length;
        Ok(self.tensor)
    }
}
