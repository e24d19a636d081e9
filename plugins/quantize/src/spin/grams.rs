//! Gram matrices of the inputs of all sites, in memory or in a file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::QuantizeError;

/// Bytes of matrices that may be in memory.
pub(super) const IN_MEMORY: u64 = 2 << 30;

/// Gram matrices, each by the number under which it was kept.
#[derive(Debug)]
pub(super) struct Grams {
    /// The folder of the file, which has no name and is gone with the process.
    dir: PathBuf,
    rest_bytes: u64,
    file: Option<File>,
    /// Bytes that were written into it.
    written: u64,
    places: Vec<Place>,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<f32>),
    /// From this byte on, so many values.
    File(u64, usize),
}

impl Grams {
    /// None yet; so many bytes of them may be in memory.
    pub(super) fn new(dir: &Path, memory_bytes: u64) -> Self {
        let (dir, rest_bytes) = (dir.to_owned(), memory_bytes);
        Self { dir, rest_bytes, file: None, written: 0, places: Vec::new() }
    }

    /// Keeps a matrix, and gives its number.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn keep(&mut self, gram: Vec<f32>) -> Result<usize, QuantizeError> {
        let bytes = size_of_val(gram.as_slice()) as u64;
        let place = if let Some(rest) = self.rest_bytes.checked_sub(bytes) {
            self.rest_bytes = rest;
            Place::Memory(gram)
        } else {
            let start = self.written;
            self.append(&gram).map_err(failed(&self.dir))?;
            self.written += bytes;
            Place::File(start, gram.len())
        };
        self.places.push(place);
        Ok(self.places.len() - 1)
    }

    /// The matrix of a number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn get(&mut self, number: usize) -> Result<Cow<'_, [f32]>, QuantizeError> {
        match &self.places[number] {
            Place::Memory(gram) => Ok(Cow::Borrowed(gram)),
            Place::File(start, count) => {
                let mut gram = vec![0.0; *count];
                let read = self.file.as_mut().map_or(Ok(()), |file| {
                    file.seek(SeekFrom::Start(*start))?;
                    file.read_exact(bytemuck::cast_slice_mut(&mut gram))
                });
                read.map_err(failed(&self.dir))?;
                Ok(Cow::Owned(gram))
            }
        }
    }

    fn append(&mut self, gram: &[f32]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.dir)?),
        };
        file.seek(SeekFrom::Start(self.written))?;
        file.write_all(bytemuck::cast_slice(gram))
    }
}

fn failed(dir: &Path) -> impl FnOnce(io::Error) -> QuantizeError {
    let dir = dir.to_owned();
    move |source| QuantizeError::Scratch { dir, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_come_back_from_memory_and_from_a_file() {
        for memory_bytes in [0, 16, 1 << 10] {
            let mut grams = Grams::new(&std::env::temp_dir(), memory_bytes);
            let matrices = [vec![1.0; 4], vec![2.0; 9], vec![3.0; 1]];
            for (number, matrix) in matrices.iter().enumerate() {
                assert_eq!(grams.keep(matrix.clone()).unwrap(), number);
            }
            assert_eq!(grams.written, if memory_bytes > 16 { 0 } else { 56 - memory_bytes });
            for (number, matrix) in matrices.iter().enumerate().rev() {
                assert_eq!(&*grams.get(number).unwrap(), matrix.as_slice());
            }
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Grams::new(Path::new("/no/such/folder"), 0).keep(vec![1.0]).unwrap_err();
        assert!(error.to_string().contains("`/no/such/folder`"), "{error}");
    }
}
