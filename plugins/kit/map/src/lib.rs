//! Files read through memory maps: pages come when touched, and go when told.
//!
//! ```
//! use olive_kit_map::MappedFile;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("weights");
//! # std::fs::write(&path, [7; 100_000])?;
//! let file = MappedFile::open(&path)?;
//! let half = &file.as_ref()[..50_000];
//! assert!(half.iter().all(|byte| *byte == 7));
//! file.release(half);
//! assert_eq!(half[0], 7);
//! # Ok::<(), std::io::Error>(())
//! ```

#![expect(unsafe_code, reason = "a memory map is the one way to lend a file's bytes uncopied")]

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

/// A file's bytes, mapped read-only; clones share the map.
///
/// The file must keep its content while it is mapped: a process that shortens it makes reading
/// the lost pages a bus error, which ends the worker and nothing else.
#[derive(Debug, Clone)]
pub struct MappedFile(Arc<Mmap>);

impl MappedFile {
    /// Maps the whole file at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the map is read-only and lent out as `&[u8]` no longer than it lives. That no
        // other process writes to the file meanwhile cannot be proved here; model files and store
        // artifacts are replaced by rename, never rewritten in place.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self(Arc::new(map)))
    }

    /// Gives the pages below `part` back to the system, where it can be told, when `part` is of
    /// this file; they are read again when touched.
    #[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix takes advice"))]
    pub fn release(&self, part: &[u8]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_another_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, [1, 2, 3]).unwrap();
        let file = MappedFile::open(&path).unwrap();
        file.release(&[0; 16]);
        file.release(file.as_ref());
        assert_eq!(file.as_ref(), [1, 2, 3]);
        assert!(MappedFile::open(&folder.path().join("none")).is_err());
    }
}
