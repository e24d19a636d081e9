//! Small text files.

use std::fs;
use std::path::Path;

use olive_kit_weights::ModelFiles;
use serde::de::DeserializeOwned;

use crate::error::BuildError;

/// What the JSON file `name` of a model says, if there is one.
///
/// # Errors
/// When the file cannot be read or is JSON of another form.
pub(crate) fn read_json<T: DeserializeOwned>(
    files: &ModelFiles,
    name: &str,
) -> Result<Option<T>, BuildError> {
    let Some(bytes) = files.read(name)? else { return Ok(None) };
    let value = serde_json::from_slice(&bytes);
    value.map(Some).map_err(|source| BuildError::Json { path: files.path(name), source })
}

/// Writes `text` to `path`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), BuildError> {
    fs::write(path, text).map_err(|source| BuildError::Write { path: path.to_owned(), source })
}
