//! What is in a package: files by name, and where each comes from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use olive_plugin_api::{Candidate, StepContext};
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::PackageError;

/// Bytes that are in memory at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Files of a package by their names, `/` between parts.
#[derive(Debug, Default)]
pub(crate) struct Contents(BTreeMap<String, Source>);

/// Where a file of a package comes from.
#[derive(Debug)]
enum Source {
    File(PathBuf),
    Text(String),
}

impl Contents {
    /// Adds the file at `path` as `name`.
    pub(crate) fn add_file(&mut self, name: String, path: &Path) -> Result<(), PackageError> {
        self.add(name, Source::File(path.to_owned()))
    }

    /// Adds a file called `name` that holds `text`.
    pub(crate) fn add_text(
        &mut self,
        name: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<(), PackageError> {
        self.add(name.into(), Source::Text(text.into()))
    }

    /// Adds a file called `name` that holds `value` as JSON.
    pub(crate) fn add_json(
        &mut self,
        name: impl Into<String>,
        value: &Value,
    ) -> Result<(), PackageError> {
        self.add_text(name, format!("{value:#}\n"))
    }

    /// Adds the files of a model below `folder`.
    pub(crate) fn add_model(
        &mut self,
        candidate: &Candidate,
        folder: &str,
    ) -> Result<(), PackageError> {
        let mut files = candidate.files.iter();
        files.try_for_each(|file| self.add_file(format!("{folder}/{}", file.name), &file.path))
    }

    fn add(&mut self, name: String, source: Source) -> Result<(), PackageError> {
        if self.0.contains_key(&name) {
            return Err(PackageError::Twice { name });
        }
        self.0.insert(name, source);
        Ok(())
    }

    /// Writes the files below a folder called `name` of the step's output; gives where it is.
    pub(crate) fn write_folder(
        &self,
        name: &str,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PackageError> {
        let folder = ctx.output_dir().join(name);
        for (done, (name, source)) in self.0.iter().enumerate() {
            let path = folder.join(name);
            let failed = |source| PackageError::Write { path: path.clone(), source };
            fs::create_dir_all(path.parent().unwrap_or(&folder)).map_err(failed)?;
            let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
            source.copy(&mut file, &path, ctx)?;
            file.flush().map_err(failed)?;
            self.tell(done, ctx);
        }
        Ok(folder)
    }

    /// Writes the files into an archive called `name` in the step's output; gives where it is.
    ///
    /// Nothing is compressed: what is large in it are weights, which do not shrink.
    pub(crate) fn write_archive(
        &self,
        name: &str,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PackageError> {
        let path = ctx.output_dir().join(name);
        let failed = |source| PackageError::Write { path: path.clone(), source };
        let mut archive = ZipWriter::new(BufWriter::new(File::create(&path).map_err(failed)?));
        // The same files make the same archive at any time and place.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(0o644);
        for (done, (name, source)) in self.0.iter().enumerate() {
            let options = options.large_file(is_large(source.len()?));
            archive.start_file(name, options).map_err(|error| failed(error.into()))?;
            source.copy(&mut archive, &path, ctx)?;
            self.tell(done, ctx);
        }
        let file = archive.finish().map_err(|error| failed(error.into()))?;
        file.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(path)
    }

    fn tell(&self, done: usize, ctx: &StepContext<'_>) {
        ctx.progress("file", done as u64 + 1, self.0.len() as u64, &[]);
    }
}

impl Source {
    fn len(&self) -> Result<u64, PackageError> {
        match self {
            Self::File(path) => Ok(fs::metadata(path).map_err(unread(path))?.len()),
            Self::Text(text) => Ok(text.len() as u64),
        }
    }

    /// Copies it to `target`, which is, or is a part of, the file at `path`.
    fn copy(
        &self,
        target: &mut dyn Write,
        path: &Path,
        ctx: &StepContext<'_>,
    ) -> Result<(), PackageError> {
        let failed = |source| PackageError::Write { path: path.to_owned(), source };
        let origin = match self {
            Self::Text(text) => return target.write_all(text.as_bytes()).map_err(failed),
            Self::File(origin) => origin,
        };
        let mut file = File::open(origin).map_err(unread(origin))?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            if ctx.is_cancelled() {
                return Err(PackageError::Cancelled);
            }
            match file.read(&mut piece).map_err(unread(origin))? {
                0 => return Ok(()),
                count => target.write_all(&piece[..count]).map_err(failed)?,
            }
        }
    }
}

/// Whether a file needs the form of archives that knows sizes of 64 bits.
fn is_large(size_bytes: u64) -> bool {
    size_bytes >= u64::from(u32::MAX)
}

/// The error that the file at `path` cannot be read.
pub(crate) fn unread(path: &Path) -> impl Fn(io::Error) -> PackageError {
    let path = path.to_owned();
    move |source| PackageError::Read { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::{Contents, is_large};

    #[test]
    fn a_name_is_given_once() {
        let mut contents = Contents::default();
        contents.add_text("a/b", "1").unwrap();
        contents.add_text("a/c", "1").unwrap();
        let refused = contents.add_text("a/b", "2").unwrap_err();
        assert_eq!(refused.to_string(), "a package would have two files `a/b`");
    }

    #[test]
    fn sizes_beyond_32_bits_are_large() {
        assert!(!is_large(u64::from(u32::MAX) - 1));
        assert!(is_large(u64::from(u32::MAX)));
    }
}
