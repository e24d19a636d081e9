//! Comparing an installed pack with its manifest, byte by byte.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::pack::{MANIFEST, PackFile};

use super::place;
use crate::PackError;
use crate::archive::digest;
use crate::manifest;

/// A file of a pack that is not as it was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Path in the pack.
    pub path: String,
    /// What is wrong: `is missing`, `has changed`, `does not belong to the pack`.
    pub problem: &'static str,
}

const MISSING: &str = "is missing";
const CHANGED: &str = "has changed";
const STRANGE: &str = "does not belong to the pack";

/// Everything in `folder` that is not as its manifest says, whose digest is `manifest_sha256`.
pub(super) fn verify(folder: &Path, manifest_sha256: &str) -> Result<Vec<Damage>, PackError> {
    let damage = |path: &str, problem| Damage { path: path.to_owned(), problem };
    let path = folder.join(MANIFEST);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(vec![damage(MANIFEST, MISSING)]);
        }
        Err(error) => return Err(PackError::io("read", &path)(error)),
    };
    let (sha256, _) = digest(&*bytes).map_err(PackError::io("read", &path))?;
    if sha256 != manifest_sha256 {
        // Nothing else can be compared with it.
        return Ok(vec![damage(MANIFEST, CHANGED)]);
    }
    let manifest = manifest::parse(&bytes)?;
    let mut found = Vec::new();
    for file in &manifest.files {
        found.extend(problem(folder, file)?.map(|problem| damage(&file.path, problem)));
    }
    let known: BTreeSet<PathBuf> =
        manifest.files.iter().map(|file| folder.join(&file.path)).chain([path]).collect();
    for path in files(folder)? {
        if !known.contains(&path) {
            let relative = path.strip_prefix(folder).unwrap_or(&path);
            found.push(damage(&relative.to_string_lossy(), STRANGE));
        }
    }
    Ok(found)
}

/// What is wrong with a file that the manifest lists.
fn problem(folder: &Path, file: &PackFile) -> Result<Option<&'static str>, PackError> {
    let path = folder.join(&file.path);
    let about = match fs::symlink_metadata(&path) {
        Ok(about) => about,
        Err(error) if is_absence(&error) => return Ok(Some(MISSING)),
        Err(error) => return Err(PackError::io("read", &path)(error)),
    };
    if !about.is_file() || about.len() != file.size || !can_run(file, &about) {
        return Ok(Some(CHANGED));
    }
    let (sha256, _) = File::open(&path).and_then(digest).map_err(PackError::io("read", &path))?;
    Ok((sha256 != file.sha256).then_some(CHANGED))
}

/// Whether there is nothing at a path, or a file where one of its folders should be.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
fn can_run(file: &PackFile, about: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    !file.executable || about.mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn can_run(_: &PackFile, _: &fs::Metadata) -> bool {
    true
}

/// Everything below `folder` that is no folder, links among it.
fn files(folder: &Path) -> Result<Vec<PathBuf>, PackError> {
    let mut files = Vec::new();
    for path in place::names(folder)? {
        let about = fs::symlink_metadata(&path).map_err(PackError::io("read", &path))?;
        if about.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}
