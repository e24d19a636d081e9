//! Files read through memory maps: pages come when touched and go when told.

#![expect(unsafe_code, reason = "a memory map is the one way to lend a file's bytes uncopied")]

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::Mmap;

/// A file's bytes, mapped read-only, and shared by whoever holds a slice of them.
///
/// The file must keep its content while it is mapped: a process that shortens it makes reading
/// the lost pages a bus error, which ends the worker and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct MappedFile(Arc<Mmap>);

impl MappedFile {
    /// Maps the file at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the map is read-only and lent out as `&[u8]` no longer than it lives. That no
        // other process writes to the file meanwhile cannot be proved here; model files and store
        // artifacts are replaced by rename, never rewritten in place.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self(Arc::new(map)))
    }

    /// The file's content.
    pub(crate) fn bytes(&self) -> Bytes {
        Bytes::from_owner(self.clone())
    }

    /// Gives the pages below `part` back to the system, when they are of this file; they are read
    /// again when touched.
    #[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix takes advice"))]
    pub(crate) fn release(&self, part: &[u8]) {
        let start = (part.as_ptr() as usize).wrapping_sub(self.0.as_ptr() as usize);
        if start >= self.0.len() {
            return;
        }
        // SAFETY: the map is read-only and backed by a file, so a page that is dropped comes back
        // with the same bytes, also under a reference that is alive.
        #[cfg(unix)]
        let _taken = unsafe {
            use memmap2::UncheckedAdvice::DontNeed;
            // Advice that is not taken costs memory, nothing else.
            self.0.unchecked_advise_range(DontNeed, start, part.len().min(self.0.len() - start))
        };
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
