//! Content digests of files, remembered by size and time so that nothing is hashed twice.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::read_ahead::read_ahead;
use crate::store::files::write_atomically;

/// Remembered digests, kept in one file.
pub struct Digests {
    path: PathBuf,
    known: BTreeMap<PathBuf, Known>,
    is_changed: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    size: u64,
    modified_ns: u128,
    digest: String,
}

impl Digests {
    /// The digests remembered at `path`; an unreadable file is an empty memory.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let known = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { path, known: known.unwrap_or_default(), is_changed: false }
    }

    /// BLAKE3 digest of a file's content, in hexadecimal.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn file(&mut self, path: &Path) -> io::Result<String> {
        let path = path.canonicalize()?;
        let metadata = fs::metadata(&path)?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (size, modified_ns) = (metadata.len(), modified.as_nanos());
        if let Some(known) = self.known.get(&path)
            && (known.size, known.modified_ns) == (size, modified_ns)
        {
            return Ok(known.digest.clone());
        }
        let digest = digest(&File::open(&path)?)?;
        self.known.insert(path, Known { size, modified_ns, digest: digest.clone() });
        self.is_changed = true;
        Ok(digest)
    }

    /// Digest of a file, or of a folder's files with their names; hidden entries are left out.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn path(&mut self, path: &Path) -> io::Result<String> {
        if path.is_file() {
            return self.file(path);
        }
        let mut hasher = blake3::Hasher::new();
        for name in names(path)? {
            hasher.update(name.as_bytes());
            hasher.update(&[0]);
            hasher.update(self.path(&path.join(&name))?.as_bytes());
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Writes what was learned, for the next run; a failure costs only time and is not told.
    pub fn save(&self) {
        if self.is_changed
            && let Ok(bytes) = serde_json::to_vec(&self.known)
            && let Some(parent) = self.path.parent()
            && fs::create_dir_all(parent).is_ok()
        {
            let _ = write_atomically(&self.path, &bytes);
        }
    }
}

/// BLAKE3 digest of what is left of a file; all threads hash what one has read.
fn digest(file: &File) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    read_ahead(file, |piece| {
        hasher.update_rayon(piece);
    })?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Names of a folder's visible entries, sorted.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
