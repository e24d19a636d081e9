//! Content on its way to be signed or checked.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::Subject;
use crate::PackError;

/// Reads content, hashes it on the way, and keeps the error of the system for later.
pub(super) struct Content<R> {
    inner: R,
    sha256: Sha256,
    failed: Option<io::Error>,
}

impl<R> Content<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, sha256: Sha256::new(), failed: None }
    }

    /// SHA-256 of what has been read.
    pub(super) fn digest(self, subject: &Subject) -> Result<String, PackError> {
        match self.failed {
            None => Ok(crate::data::hex(&self.sha256.finalize())),
            Some(source) => Err(PackError::Io {
                action: "read",
                path: PathBuf::from(subject.to_string()),
                source,
            }),
        }
    }
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Ok(count) => {
                    self.sha256.update(&buffer[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    return Err(io::Error::other("told already"));
                }
            }
        }
    }
}

/// The crate asks for it in order to show content, which is never asked of it.
impl<R> Seek for Content<R> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
