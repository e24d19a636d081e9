//! Reading a config file into text with positions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Bytes a config file may have; the largest public Olive config has 40 kB.
const LIMIT_BYTES: u64 = 8 << 20;

/// A config file's text and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path as the user gave it.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
}

/// Why a config file could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("cannot read config `{}`: {source}", path.display())]
    Io {
        /// Path as the user gave it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is larger than any config.
    #[error("config `{}` has {found} bytes, the limit is {LIMIT_BYTES}", path.display())]
    TooLarge {
        /// Path as the user gave it.
        path: PathBuf,
        /// Size of the file.
        found: u64,
    },
    /// The file is no text.
    #[error("config `{}` is not UTF-8 text (byte {offset})", path.display())]
    NotText {
        /// Path as the user gave it.
        path: PathBuf,
        /// First byte that is no UTF-8.
        offset: usize,
    },
    /// The file's suffix names a format that is not read.
    #[error("config `{}` is not JSON: only `.json` and `.jsonc` files are read", path.display())]
    Format {
        /// Path as the user gave it.
        path: PathBuf,
    },
}

/// Reads the config file at `path`.
///
/// # Errors
/// When the file is missing, too large, no UTF-8, or of a format that is not read.
pub fn read(path: &Path) -> Result<Source, ReadError> {
    let io_error = |source| ReadError::Io { path: path.to_owned(), source };
    if path.extension().is_some_and(|suffix| suffix != "json" && suffix != "jsonc") {
        return Err(ReadError::Format { path: path.to_owned() });
    }
    let found = fs::metadata(path).map_err(io_error)?.len();
    if found > LIMIT_BYTES {
        return Err(ReadError::TooLarge { path: path.to_owned(), found });
    }
    let bytes = fs::read(path).map_err(io_error)?;
    let text = String::from_utf8(bytes).map_err(|error| ReadError::NotText {
        path: path.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })?;
    Ok(Source { path: path.to_owned(), text })
}

impl Source {
    /// Folder that relative paths of the config start at, absolute.
    pub fn folder(&self) -> PathBuf {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Line and column (both from 1, columns in characters) of a byte offset.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// Text of a line, counted from 1.
    pub fn line(&self, line: usize) -> &str {
        self.text.lines().nth(line - 1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn columns_count_characters() {
        let source = Source { path: "x.json".into(), text: "{\n  \"é\": 1\n}".into() };
        let offset = source.text.find('1').unwrap();
        assert_eq!(source.position(offset), (2, 8));
        assert_eq!(source.line(2), "  \"é\": 1");
    }
}
