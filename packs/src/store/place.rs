//! The folder of a store: this user's, and of folders that are none of somebody else's links.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::{Scope, Store};
use crate::PackError;
use crate::data::if_there;
use crate::durable;

/// Whether the store is there, and only this user can have written it.
pub(super) fn check(store: &Store) -> Result<bool, PackError> {
    let Some(about) = about(&store.root)? else { return Ok(false) };
    check_folder(&store.root, &about)?;
    // A link in a store could lead what is swept, or written, to somebody's files.
    let parent = (store.scope == Scope::Project).then(|| store.root.parent().map(Path::to_owned));
    for path in
        [store.packs(), store.generations(), store.scratch()].iter().chain(&parent.flatten())
    {
        if let Some(about) = self::about(path)? {
            check_folder(path, &about)?;
        }
    }
    for path in ["lock", "active.json"].map(|name| store.root.join(name)) {
        if self::about(&path)?.is_some_and(|about| !about.is_file()) {
            return Err(refused(&path, "is no plain file", "remove it"));
        }
    }
    Ok(true)
}

/// Makes the folders of the store where they are missing.
pub(super) fn prepare(store: &Store) -> Result<(), PackError> {
    check(store)?;
    for folder in [store.packs(), store.generations(), store.scratch()] {
        durable::create_folders(&folder)?;
    }
    check(store).map(|_| ())
}

/// Names in a folder of the store; none when it is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<PathBuf>, PackError> {
    let Some(entries) = if_there(folder, |folder| fs::read_dir(folder))? else {
        return Ok(Vec::new());
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(PackError::io("read", folder))?;
    paths.sort();
    Ok(paths)
}

fn about(path: &Path) -> Result<Option<Metadata>, PackError> {
    if_there(path, |path| fs::symlink_metadata(path))
}

fn check_folder(path: &Path, about: &Metadata) -> Result<(), PackError> {
    if about.is_symlink() {
        return Err(refused(path, "is a link", "remove it; packs are kept in a plain folder"));
    }
    if !about.is_dir() {
        return Err(refused(path, "is no folder", "remove it"));
    }
    check_owner(path, about)
}

#[cfg(unix)]
fn check_owner(path: &Path, about: &Metadata) -> Result<(), PackError> {
    use std::os::unix::fs::MetadataExt;
    const ROOT: u32 = 0;
    // The system's administrator can write everywhere anyway.
    if about.uid() != rustix::process::geteuid().as_raw() && about.uid() != ROOT {
        let help = "use packs of your own: `OLIVE_DATA_HOME` names another folder for them";
        return Err(refused(path, "belongs to another user", help));
    }
    if about.mode() & 0o022 != 0 {
        let help = format!("close it: `chmod go-w {}`", path.display());
        return Err(refused(path, "can be written by other users", &help));
    }
    Ok(())
}

/// Elsewhere the user's folders are closed to others by the system.
#[cfg(not(unix))]
fn check_owner(_: &Path, _: &Metadata) -> Result<(), PackError> {
    Ok(())
}

fn refused(path: &Path, why: &str, help: &str) -> PackError {
    let message = format!("packs are not taken from `{}`, which {why}", path.display());
    PackError::refused("pack-open-store", message).with_help(help)
}
