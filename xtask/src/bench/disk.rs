//! What the disk does, as the limit of what a build can do.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::command;
use crate::error::ChoreError;

const PIECE_BYTES: usize = 8 << 20;

/// Drops the files of a folder from the page cache, where the system's `dd` can.
///
/// A system whose `dd` cannot keeps its cache, and so it does for both sides.
pub(crate) fn forget(folder: &Path) -> Result<(), ChoreError> {
    for path in files(folder)? {
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(ChoreError::file("sync", &path))?;
        let input = format!("if={}", path.display());
        let words = ["iflag=nocache", "count=0", "status=none"];
        let _ = command::output(Command::new("dd").arg(input).args(words));
    }
    Ok(())
}

/// Bytes of the files in a folder.
pub(crate) fn size(folder: &Path) -> Result<f64, ChoreError> {
    let sizes = files(folder)?.into_iter().map(|path| {
        let metadata = fs::metadata(&path).map_err(ChoreError::file("read", &path))?;
        Ok(metadata.len() as f64)
    });
    sizes.sum()
}

/// Seconds in which the files of a folder are read.
pub(crate) fn read_seconds(folder: &Path) -> Result<f64, ChoreError> {
    let begin = Instant::now();
    let mut piece = vec![0; PIECE_BYTES];
    for path in files(folder)? {
        let mut file = File::open(&path).map_err(ChoreError::file("read", &path))?;
        while file.read(&mut piece).map_err(ChoreError::file("read", &path))? > 0 {}
    }
    Ok(begin.elapsed().as_secs_f64())
}

/// Seconds in which a file of `bytes` is on the disk.
pub(crate) fn write_seconds(folder: &Path, bytes: f64) -> Result<f64, ChoreError> {
    let path = folder.join("probe");
    let error = || ChoreError::file("write", &path);
    // Nothing that a file system could compress.
    let piece: Vec<u8> =
        (0..PIECE_BYTES).map(|index| (index.pow(2) >> 7).to_le_bytes()[0]).collect();
    let begin = Instant::now();
    let mut file = File::create(&path).map_err(error())?;
    let mut written = 0.0;
    while written < bytes {
        file.write_all(&piece).map_err(error())?;
        written += PIECE_BYTES as f64;
    }
    file.sync_all().map_err(error())?;
    let seconds = begin.elapsed().as_secs_f64();
    fs::remove_file(&path).map_err(ChoreError::file("remove", &path))?;
    Ok(seconds)
}

/// Removes a folder, if it is there.
pub(crate) fn remove(folder: &Path) -> Result<(), ChoreError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(ChoreError::file("remove", folder))?;
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, ChoreError> {
    let entries = fs::read_dir(folder).map_err(ChoreError::file("read", folder))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(|path| path.is_file()).collect())
}
