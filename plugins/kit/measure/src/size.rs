//! Size on disk.

use std::fs;
use std::path::PathBuf;

use crate::error::MeasureError;

/// Bytes of `weight_files` together.
///
/// The plugin that runs a model says which files hold its weights and graph: the safetensors files
/// of a checkpoint (and of its adapter), or an ONNX graph with its external data. Tokenizer and
/// config files are left out, so that sizes of both kinds compare.
///
/// # Errors
/// When a file cannot be looked at.
pub fn size_bytes(weight_files: &[PathBuf]) -> Result<u64, MeasureError> {
    let size = |path: &PathBuf| match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(source) => Err(MeasureError::File { action: "read", path: path.clone(), source }),
    };
    weight_files.iter().map(size).sum()
}
