//! Small text files.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::BuildError;

/// What the JSON file at `path` says.
///
/// # Errors
/// When the file cannot be read or is JSON of another form.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, BuildError> {
    let bytes = fs::read(path);
    let bytes = bytes.map_err(|source| BuildError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes)
        .map_err(|source| BuildError::Json { path: path.to_owned(), source })
}

/// What the JSON file at `path` says, or the default where there is none.
///
/// # Errors
/// As [`read_json`].
pub(crate) fn read_json_or_default<T: DeserializeOwned + Default>(
    path: &Path,
) -> Result<T, BuildError> {
    if path.is_file() { read_json(path) } else { Ok(T::default()) }
}

/// Writes `text` to `path`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), BuildError> {
    fs::write(path, text).map_err(|source| BuildError::Write { path: path.to_owned(), source })
}
