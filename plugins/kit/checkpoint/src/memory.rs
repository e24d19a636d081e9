//! Files read through memory maps: pages come when touched and go when memory is short.

#![expect(unsafe_code, reason = "a memory map is the one way to read weights without copying")]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// A file's bytes, mapped read-only.
///
/// The file must keep its content while it is mapped: a process that shortens it makes reading
/// the lost pages a bus error, which ends the worker and nothing else.
#[derive(Debug)]
pub(crate) struct MappedFile(Mmap);

impl MappedFile {
    /// Maps the whole file at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the map is private to `MappedFile`, read-only, and lent out as `&[u8]` no longer
        // than it lives. That no other process writes to the file meanwhile cannot be proved here;
        // model files and store artifacts are replaced by rename, never rewritten in place.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self(map))
    }

    /// The file's content.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the pages of a range back to the system, where it can be told; they are read again
    /// when touched.
    #[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix takes advice"))]
    pub(crate) fn release(&self, start: usize, len: usize) {
        // SAFETY: the map is read-only and backed by a file, so a page that is dropped comes back
        // with the same bytes, also under a reference that is alive.
        #[cfg(unix)]
        let _taken = unsafe {
            use memmap2::UncheckedAdvice::DontNeed;
            // Advice that is not taken costs memory, nothing else.
            self.0.unchecked_advise_range(DontNeed, start, len)
        };
    }
}
