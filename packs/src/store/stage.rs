//! Putting a pack into the store: unpacked aside, compared, and in its place by one rename.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Store, verify};
use crate::PackError;
use crate::archive::{self, Described, Limits, Unpacked};
use crate::data::is_sha256;
use crate::durable;

/// A pack that is in the store, whether or not it is active.
#[derive(Debug, Clone)]
pub struct Staged {
    /// Its folder.
    pub folder: PathBuf,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// Its manifest.
    pub described: Described,
    /// Whether it was there already.
    pub was_there: bool,
}

pub(super) fn stage(
    store: &Store,
    archive: &Path,
    sha256: &str,
    limits: &Limits,
    on_progress: &dyn Fn(u64),
) -> Result<Staged, PackError> {
    if !is_sha256(sha256) {
        return Err(PackError::refused("pack-digest", format!("`{sha256}` is no SHA-256")));
    }
    let file = File::open(archive).map_err(PackError::io("read", archive))?;
    let folder = store.folder(sha256);
    if store.has(sha256) {
        let described =
            archive::describe(&file, limits).map_err(|error| error.of_archive(archive))?;
        if verify::verify(&folder, &described.sha256).is_ok_and(|damage| damage.is_empty()) {
            let size = file.metadata().map_err(PackError::io("read", archive))?.len();
            let sha256 = sha256.to_owned();
            return Ok(Staged { folder, sha256, size, described, was_there: true });
        }
    }
    let new = store.scratch().join(durable::random_name()?);
    let staged = unpack(&file, archive, sha256, &new, limits, on_progress)
        .and_then(|unpacked| place(store, &new, &folder).map(|()| unpacked));
    if staged.is_err() && new.exists() {
        // What the system refuses to remove, the next command sweeps.
        let _ = durable::remove_all(&new);
    }
    let Unpacked { described, sha256, size } = staged?;
    Ok(Staged { folder, sha256, size, described, was_there: false })
}

/// Unpacks into the folder `new`, which is made, and waits until the disk has all of it.
fn unpack(
    file: &File,
    archive: &Path,
    sha256: &str,
    new: &Path,
    limits: &Limits,
    on_progress: &dyn Fn(u64),
) -> Result<Unpacked, PackError> {
    durable::create_folder(new)?;
    let unpacked = archive::unpack(file, new, limits, on_progress)
        .map_err(|error| error.of_archive(archive))?;
    if unpacked.sha256 != sha256 {
        let message = format!(
            "`{}` is not the pack that was checked: its SHA-256 is {}, not {sha256}",
            archive.display(),
            unpacked.sha256
        );
        return Err(PackError::refused("pack-digest", message)
            .with_help("something changes the file; try again with a copy"));
    }
    Ok(unpacked)
}

/// Gives the unpacked pack its place. A damaged one that is there makes room.
fn place(store: &Store, new: &Path, folder: &Path) -> Result<(), PackError> {
    let aside = store.scratch().join(durable::random_name()?);
    let is_there = folder.symlink_metadata().is_ok();
    if is_there {
        durable::rename(folder, &aside)?;
    }
    durable::rename(new, folder)?;
    durable::sync_folder(&store.packs())?;
    if is_there {
        // What the system refuses to remove, the next command sweeps.
        let _ = durable::remove_all(&aside);
    }
    Ok(())
}
