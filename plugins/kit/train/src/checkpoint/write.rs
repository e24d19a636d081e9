//! Writing a checkpoint so that it is whole or not there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use olive_kit_adapters::Adapters;
use olive_kit_checkpoint::files::PARTIAL;

use super::state::TrainerState;
use super::{OPTIMIZER, STATE, WriteAdapter, folder_name, list};
use crate::error::{SaveError, TrainError};
use crate::optimizer::Optimizer;

/// Start of the name of what is being replaced.
const OLD: &str = ".old-";
/// Start of the name of what is being removed.
const GONE: &str = ".gone-";

/// The folder that holds checkpoints.
#[derive(Clone, Copy)]
pub(crate) struct Folder<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) write_adapter: &'a WriteAdapter<'a>,
}

impl Folder<'_> {
    /// Makes it, and takes away what a killed run has left half-written.
    pub(crate) fn open(&self) -> Result<(), TrainError> {
        let failed = |source| TrainError::Save {
            path: self.dir.to_owned(),
            last: None,
            source: Box::new(SaveError::Write { path: self.dir.to_owned(), source }),
        };
        fs::create_dir_all(self.dir).map_err(failed)?;
        for entry in fs::read_dir(self.dir).map_err(failed)?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if let Some(name) = name.strip_prefix(OLD)
                && !self.dir.join(name).exists()
            {
                let _restored = fs::rename(entry.path(), self.dir.join(name));
            } else if [PARTIAL, OLD, GONE].iter().any(|prefix| name.starts_with(prefix)) {
                remove(&entry.path());
            }
        }
        Ok(())
    }

    /// Writes the checkpoint of a step.
    ///
    /// # Errors
    /// When something cannot be written; nothing of it is left then, and older ones stay.
    pub(crate) fn save(
        &self,
        adapters: &Adapters,
        optimizer: &Optimizer,
        state: &TrainerState,
    ) -> Result<PathBuf, TrainError> {
        let name = folder_name(state.global_step);
        let path = self.dir.join(name);
        let partial = hidden(&path, PARTIAL);
        let written = self
            .write(&partial, adapters, optimizer, state)
            .and_then(|()| replace(&partial, &path));
        written.map_err(|source| {
            remove(&partial);
            let last = list(self.dir).pop().map(|(_, path)| path);
            TrainError::Save { path: path.clone(), last, source: Box::new(source) }
        })?;
        Ok(path)
    }

    fn write(
        &self,
        dir: &Path,
        adapters: &Adapters,
        optimizer: &Optimizer,
        state: &TrainerState,
    ) -> Result<(), SaveError> {
        remove(dir);
        fs::create_dir(dir).map_err(failed(dir))?;
        (self.write_adapter)(adapters, dir).map_err(SaveError::Adapter)?;
        let path = dir.join(OPTIMIZER);
        let tensors = optimizer.stored(&adapters.parameters);
        safetensors::serialize_to_file(tensors, None, &path)
            .map_err(|source| failed(&path)(io::Error::other(source)))?;
        let path = dir.join(STATE);
        let mut text = serde_json::to_vec_pretty(state)
            .map_err(|source| failed(&path)(io::Error::other(source)))?;
        text.push(b'\n');
        fs::write(&path, text).map_err(failed(&path))?;
        for entry in fs::read_dir(dir).map_err(failed(dir))?.flatten() {
            sync(&entry.path())?;
        }
        sync(dir)
    }

    /// Takes away the oldest checkpoints but `limit`, never that of step `best` or the newest.
    pub(crate) fn keep(&self, limit: usize, best: Option<usize>) {
        let all = list(self.dir);
        let newest = all.last().map(|&(step, _)| step);
        let is_kept = |step: usize| Some(step) == best || Some(step) == newest;
        let num_kept = all.iter().filter(|&&(step, _)| is_kept(step)).count();
        let excess = all.len().saturating_sub(limit.max(num_kept));
        let oldest = all.into_iter().filter(|&(step, _)| !is_kept(step)).take(excess);
        for (_, path) in oldest {
            take_away(&path);
        }
    }
}

/// Gives a whole folder its name, in place of one that may have it.
fn replace(partial: &Path, path: &Path) -> Result<(), SaveError> {
    let old = hidden(path, OLD);
    let had_one = fs::rename(path, &old).is_ok();
    if let Err(source) = fs::rename(partial, path) {
        if had_one {
            let _restored = fs::rename(&old, path);
        }
        return Err(failed(path)(source));
    }
    path.parent().map_or(Ok(()), sync)?;
    remove(&old);
    Ok(())
}

/// Renames a folder first, so that none of that name is ever half-empty, and removes it.
fn take_away(path: &Path) {
    let gone = hidden(path, GONE);
    if fs::rename(path, &gone).is_ok() {
        remove(&gone);
    }
}

/// Where something is kept out of sight.
fn hidden(path: &Path, prefix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{prefix}{name}"))
}

/// Removes a file or folder as well as it goes: what stays is hidden, and taken away next time.
fn remove(path: &Path) {
    let _removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// Waits until a file or folder is on the disk.
fn sync(path: &Path) -> Result<(), SaveError> {
    // Windows opens no folder as a file; its renames are durable without.
    if cfg!(windows) && path.is_dir() {
        return Ok(());
    }
    let file =
        if path.is_dir() { File::open(path) } else { File::options().write(true).open(path) };
    file.and_then(|file| file.sync_all()).map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> SaveError {
    let path = path.to_owned();
    move |source| SaveError::Write { path: path.clone(), source }
}
