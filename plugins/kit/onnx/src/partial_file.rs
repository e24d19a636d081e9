//! Files that appear under their name only once they are whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::OnnxError;

/// A file written under the name `<name>.partial`, renamed when whole and removed when dropped.
///
/// Renaming guards against a killed process. It does not wait for the disk: who records the result
/// as done syncs it first.
pub(crate) struct PartialFile {
    path: PathBuf,
    partial_path: PathBuf,
    file: BufWriter<File>,
}

impl PartialFile {
    pub(crate) fn create(path: &Path) -> Result<Self, OnnxError> {
        const BUFFER_BYTES: usize = 1 << 20;
        let mut partial_name = path.as_os_str().to_owned();
        partial_name.push(".partial");
        let partial_path = PathBuf::from(partial_name);
        let file = File::create(&partial_path).map_err(|source| write_error(path, source))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self { path: path.to_owned(), partial_path, file })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), OnnxError> {
        self.file.write_all(bytes).map_err(|source| write_error(&self.path, source))
    }

    pub(crate) fn commit(mut self) -> Result<(), OnnxError> {
        let renamed =
            self.file.flush().and_then(|()| std::fs::rename(&self.partial_path, &self.path));
        renamed.map_err(|source| write_error(&self.path, source))
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // After `commit` there is nothing left to remove, and a failed removal leaves a file whose
        // name says what it is.
        let _ = std::fs::remove_file(&self.partial_path);
    }
}

fn write_error(path: &Path, source: io::Error) -> OnnxError {
    OnnxError::Write { path: path.to_owned(), source }
}
