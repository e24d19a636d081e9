//! Files of a model besides its weights.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_checkpoint::{CheckpointError, files};

/// Files of a model besides its weights: config, tokenizer, generation config.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    dir: PathBuf,
}

impl ModelFiles {
    /// Those of the folder `dir`.
    pub fn of_folder(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Where they are, for messages.
    pub fn place(&self) -> &Path {
        &self.dir
    }

    /// What to call the file `name` in messages.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether there is a file `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.path(name).is_file()
    }

    /// The content of the file `name`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Cow<'_, [u8]>>, CheckpointError> {
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
        if self.contains(name) {
            files::copy(&self.path(name), to)?;
        }
        Ok(())
    }
}
