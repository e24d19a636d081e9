//! Files of a model besides its weights.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_checkpoint::{CheckpointError, files};

/// Files of a model besides its weights: config, tokenizer, generation config. Some may be made,
/// in place of those of a folder or without one.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    place: PathBuf,
    made: BTreeMap<&'static str, String>,
}

impl ModelFiles {
    /// Those of the folder `dir`.
    pub fn of_folder(dir: &Path) -> Self {
        Self { place: dir.to_owned(), made: BTreeMap::new() }
    }

    /// Those of what is at `place`, by name: texts that are made, in place of files of a folder.
    pub fn made(place: &Path, made: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { place: place.to_owned(), made: made.into_iter().collect() }
    }

    /// The model, for messages.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// What to call the file `name` in messages.
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    /// Whether there is a file `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.made.contains_key(name) || self.path(name).is_file()
    }

    /// The content of the file `name`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Cow<'_, [u8]>>, CheckpointError> {
        if let Some(text) = self.made.get(name) {
            return Ok(Some(text.as_bytes().into()));
        }
        if !self.contains(name) {
            return Ok(None);
        }
        let path = self.path(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(source) => Err(CheckpointError::Read { path, source }),
        }
    }

    /// Writes the file `name`, if there is one, into the folder `to`.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy(&self, name: &str, to: &Path) -> Result<(), CheckpointError> {
        if let Some(text) = self.made.get(name) {
            let path = to.join(name);
            let written = fs::write(&path, text);
            return written.map_err(|source| CheckpointError::Write { path, source });
        }
        if self.contains(name) {
            files::copy(&self.path(name), to)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_files_take_the_place_of_those_of_a_folder() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in ["config.json", "tokenizer.json"] {
            fs::write(from.path().join(name), "stored").unwrap();
        }
        let files = ModelFiles::made(from.path(), [("config.json", "made".to_owned())]);
        let content = |name| files.read(name).unwrap().map(|bytes| bytes.to_vec());
        assert_eq!(content("config.json"), Some(b"made".to_vec()));
        assert_eq!(content("tokenizer.json"), Some(b"stored".to_vec()));
        assert_eq!(content("vocab.json"), None);
        for name in ["config.json", "tokenizer.json", "vocab.json"] {
            files.copy(name, to.path()).unwrap();
            let copy = fs::read(to.path().join(name)).ok();
            assert_eq!((copy, files.contains(name)), (content(name), content(name).is_some()));
        }
    }
}
