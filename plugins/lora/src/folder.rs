//! Folders inside the output folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::LoraError;

/// Makes a folder.
pub(crate) fn folder(path: &Path) -> Result<PathBuf, LoraError> {
    let made = fs::create_dir_all(path);
    made.map_err(|source| LoraError::Folder { path: path.to_owned(), source })?;
    Ok(path.to_owned())
}
