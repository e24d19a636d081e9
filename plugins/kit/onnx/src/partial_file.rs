//! Files that appear under their name only once they are whole.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::OnnxError;
use crate::write_behind::WriteBehind;

/// A file written under the name `<name>.partial`, renamed when whole and removed when dropped.
///
/// Renaming guards against a killed process. It does not wait for the disk: who records the result
/// as done syncs it first, and finds most of it there, since writing to the disk begins early.
pub(crate) struct PartialFile {
    path: PathBuf,
    partial_path: PathBuf,
    file: WriteBehind,
}

impl PartialFile {
    pub(crate) fn create(path: &Path) -> Result<Self, OnnxError> {
        let mut partial_name = path.as_os_str().to_owned();
        partial_name.push(".partial");
        let partial_path = PathBuf::from(partial_name);
        let file = File::create(&partial_path).and_then(WriteBehind::start);
        let file = file.map_err(|source| write_error(path, source))?;
        Ok(Self { path: path.to_owned(), partial_path, file })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), OnnxError> {
        self.file.write(bytes).map_err(|source| write_error(&self.path, source))
    }

    pub(crate) fn commit(mut self) -> Result<(), OnnxError> {
        let renamed =
            self.file.finish().and_then(|()| std::fs::rename(&self.partial_path, &self.path));
        renamed.map_err(|source| write_error(&self.path, source))
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        self.file.close();
        // After `commit` there is nothing left to remove, and a failed removal leaves a file whose
        // name says what it is.
        let _ = std::fs::remove_file(&self.partial_path);
    }
}

fn write_error(path: &Path, source: io::Error) -> OnnxError {
    OnnxError::Write { path: path.to_owned(), source }
}
