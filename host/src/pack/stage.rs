//! A folder that is laid out like the pack, until it is dropped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use olive_packs::{PackError, archive};
use olive_schemas::pack::PackFile;
use tempfile::TempDir;

use super::collect::Member;
use crate::store::files::link_or_copy;

/// The members of a pack in a folder of their own, at their paths in the pack.
pub(super) struct Stage {
    folder: TempDir,
    members: BTreeMap<String, Member>,
}

impl Stage {
    /// With `members`.
    ///
    /// # Errors
    /// When one cannot be put there.
    pub(super) fn new(members: BTreeMap<String, Member>) -> Result<Self, PackError> {
        let temp = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix("olive-pack-")
            .tempdir()
            .map_err(PackError::io("write into", temp))?;
        let stage = Self { folder, members };
        for (path, member) in &stage.members {
            link_or_copy(&member.source, &stage.path(path))
                .map_err(PackError::io("read", &member.shown))?;
        }
        Ok(stage)
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the member `path` is.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder().join(path)
    }

    /// What messages call the member `path`: the file it was made of.
    pub(super) fn shown(&self, path: &str) -> PathBuf {
        self.members.get(path).map_or_else(|| path.into(), |member| member.shown.clone())
    }

    /// Whether there is a member `path`.
    pub(super) fn has(&self, path: &str) -> bool {
        self.members.contains_key(path)
    }

    /// Paths of the members in the folder of `target`, below that folder.
    pub(super) fn files_of<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a str> {
        let paths = self.members.keys();
        paths.filter_map(move |path| path.strip_prefix(target)?.strip_prefix('/'))
    }

    /// Paths of all members, sorted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Adds a member with this content.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&mut self, path: &str, content: &[u8]) -> Result<(), PackError> {
        let source = self.path(path);
        let folder = source.parent().unwrap_or(self.folder());
        fs::create_dir_all(folder).map_err(PackError::io("create", folder))?;
        fs::write(&source, content).map_err(PackError::io("write", &source))?;
        let member = Member { shown: path.into(), source, is_executable: false };
        self.members.insert(path.to_owned(), member);
        Ok(())
    }

    /// All members as the manifest lists them, sorted by path.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn files(&self) -> Result<Vec<PackFile>, PackError> {
        let listed = |(path, member): (&String, &Member)| {
            let read = || archive::digest(File::open(self.path(path))?);
            let (sha256, size) = read().map_err(PackError::io("read", &member.shown))?;
            let executable = member.is_executable;
            Ok(PackFile { path: path.clone(), sha256, size, executable })
        };
        self.members.iter().map(listed).collect()
    }
}
