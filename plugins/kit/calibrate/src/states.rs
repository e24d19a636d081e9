//! Hidden states of all tokens, in memory or in a file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::CalibrateError;
use crate::memory::Memory;

/// Rows of one width, all of which are written before one is read.
#[derive(Debug)]
pub(crate) struct States {
    width: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<f32>),
    /// A file without a name, in this folder.
    File(File, PathBuf),
}

/// Shares out room in memory among states, in the order in which they ask for it.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    rest_bytes: u64,
    dir: &'a Path,
}

impl<'a> Room<'a> {
    pub(crate) fn new(memory: &'a Memory) -> Self {
        Self { rest_bytes: memory.states_bytes, dir: &memory.scratch_dir }
    }

    /// Whether so many bytes have room in memory; they are taken from it.
    pub(crate) fn takes(&mut self, bytes: u64) -> bool {
        let rest = self.rest_bytes.checked_sub(bytes);
        self.rest_bytes = rest.unwrap_or(self.rest_bytes);
        rest.is_some()
    }

    /// States of `num_rows` rows of `width` values.
    pub(crate) fn states(
        &mut self,
        num_rows: usize,
        width: usize,
    ) -> Result<States, CalibrateError> {
        let place = if self.takes(size_bytes(num_rows, width)) {
            Place::Memory(vec![0.0; num_rows * width])
        } else {
            let file = tempfile::tempfile_in(self.dir).map_err(failed(self.dir))?;
            Place::File(file, self.dir.to_owned())
        };
        Ok(States { width, place })
    }
}

impl States {
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Takes rows of another width, at most as wide as at first; what was written is lost.
    pub(crate) fn reshape(&mut self, width: usize) {
        self.width = width;
    }

    /// Reads some rows into `into`.
    pub(crate) fn read(
        &mut self,
        rows: Range<usize>,
        into: &mut Vec<f32>,
    ) -> Result<(), CalibrateError> {
        let values = rows.start * self.width..rows.end * self.width;
        into.resize(values.len(), 0.0);
        match &mut self.place {
            Place::Memory(states) => {
                into.copy_from_slice(&states[values]);
                Ok(())
            }
            Place::File(file, dir) => seek(file, values.start)
                .and_then(|()| file.read_exact(bytemuck::cast_slice_mut(into)))
                .map_err(failed(dir)),
        }
    }

    /// Writes rows from number `start` on.
    pub(crate) fn write(&mut self, start: usize, rows: &[f32]) -> Result<(), CalibrateError> {
        let start = start * self.width;
        match &mut self.place {
            Place::Memory(states) => {
                states[start..start + rows.len()].copy_from_slice(rows);
                Ok(())
            }
            Place::File(file, dir) => seek(file, start)
                .and_then(|()| file.write_all(bytemuck::cast_slice(rows)))
                .map_err(failed(dir)),
        }
    }
}

/// Bytes of states.
pub(crate) fn size_bytes(num_rows: usize, width: usize) -> u64 {
    (num_rows as u64).saturating_mul(width as u64).saturating_mul(size_of::<f32>() as u64)
}

fn seek(file: &mut File, value: usize) -> io::Result<()> {
    let byte = value as u64 * size_of::<f32>() as u64;
    file.seek(SeekFrom::Start(byte)).map(drop)
}

fn failed(dir: &Path) -> impl FnOnce(io::Error) -> CalibrateError {
    let dir = dir.to_owned();
    move |source| CalibrateError::States { dir, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(states_bytes: u64) -> States {
        let memory = Memory { states_bytes, ..Memory::new(std::env::temp_dir()) };
        Room::new(&memory).states(3, 2).unwrap()
    }

    #[test]
    fn rows_come_back_from_memory_and_from_a_file() {
        for (bytes, is_file) in [(24, false), (23, true)] {
            let (mut states, mut found) = (states(bytes), Vec::new());
            assert_eq!(matches!(states.place, Place::File(..)), is_file);
            states.write(1, &[3.0, 4.0, 5.0, 6.0]).unwrap();
            states.write(0, &[1.0, 2.0]).unwrap();
            states.read(0..3, &mut found).unwrap();
            assert_eq!(found, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            states.reshape(1);
            states.write(0, &[7.0]).unwrap();
            states.read(0..1, &mut found).unwrap();
            assert_eq!(found, [7.0]);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let memory = Memory { states_bytes: 0, ..Memory::new("/no/such/folder") };
        let error = Room::new(&memory).states(1, 1).unwrap_err();
        assert!(error.to_string().contains("`/no/such/folder`"), "{error}");
        assert!(error.hint().is_some());
    }
}
