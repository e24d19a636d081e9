//! Graph files.

use std::path::Path;

use prost::Message as _;

use crate::error::OnnxError;
use crate::partial_file::PartialFile;
use crate::proto::ModelProto;

/// Writes `model` to `path`, which appears only when whole. Call it after external data is in place.
///
/// # Errors
/// When the graph is larger than 2 GiB or cannot be written.
pub fn write_model(model: &ModelProto, path: &Path) -> Result<(), OnnxError> {
    const LIMIT: usize = i32::MAX as usize;
    let size = model.encoded_len();
    if size > LIMIT {
        return Err(OnnxError::TooLarge { size, limit: LIMIT });
    }
    let mut file = PartialFile::create(path)?;
    file.write(&model.encode_to_vec())?;
    file.commit()
}

/// Reads the graph at `path`, without its external data.
///
/// # Errors
/// When the file cannot be read or is no ONNX graph.
pub fn read_model(path: &Path) -> Result<ModelProto, OnnxError> {
    let bytes =
        std::fs::read(path).map_err(|source| OnnxError::Read { path: path.to_owned(), source })?;
    ModelProto::decode(bytes.as_slice())
        .map_err(|source| OnnxError::Decode { path: path.to_owned(), source })
}
