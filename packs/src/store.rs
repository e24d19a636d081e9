//! The store: packs by content, and which of them are active.
//!
//! ```text
//! <root>/packs/<sha256 of the archive>/   a pack, unpacked, read-only; never changed
//!       /generations/<number>.json        a set of active packs; never changed
//!       /active.json                      the number of the active generation; replaced by rename
//!       /tmp/                             what is under way
//!       /lock                             held by a command that changes something
//! ```
//!
//! Every change makes a new generation; a pack is in place before the generation that names it, and
//! the generation before `active.json` does. So whenever a command is stopped, the active set is the
//! old one or the new one.

mod generation;

pub use generation::{ActivePack, Generation};

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::PackError;
use crate::archive::{Described, Limits};

/// Whose packs a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// This user's, in every project.
    User,
    /// A project's.
    Project,
}

/// A store of packs.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    scope: Scope,
    data_home: PathBuf,
}

/// Held by a command that changes a store; given back when dropped, also by the system.
#[derive(Debug)]
pub struct Guard {
    _file: std::fs::File,
}

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

/// A file of a pack that is not as it was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Path in the pack.
    pub path: String,
    /// What is wrong: `is missing`, `has changed`, `does not belong to the pack`.
    pub problem: &'static str,
}

impl Store {
    /// The store of the user with this data home.
    pub fn user(data_home: &Path) -> Self {
        let root = crate::home::user_store(data_home);
        Self { root, scope: Scope::User, data_home: data_home.to_owned() }
    }

    /// The store of the project in `folder`, for the user with this data home. A generation of it
    /// carries a seal under a key of the user; one without is somebody else's, and not active.
    pub fn project(folder: &Path, data_home: &Path) -> Self {
        let root = crate::home::project_store(folder);
        Self { root, scope: Scope::Project, data_home: data_home.to_owned() }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whose packs it holds.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The active generation; an empty one numbered 0 when nothing was ever installed.
    ///
    /// # Errors
    /// When what is written cannot be read, or is sealed by nobody known (`pack-foreign-store`).
    pub fn active(&self) -> Result<Generation, PackError> {
        unimplemented!()
    }

    /// All generations, oldest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn history(&self) -> Result<Vec<Generation>, PackError> {
        unimplemented!()
    }

    /// Takes the lock, waiting so long for another command; `on_wait` is told once when it has to.
    /// Clears away what a command that was killed has left.
    ///
    /// # Errors
    /// When another command still holds it, or the store cannot be written.
    pub fn lock(&self, wait: Duration, on_wait: &dyn Fn()) -> Result<Guard, PackError> {
        let _ = (wait, on_wait, &self.data_home);
        unimplemented!()
    }

    /// Whether the pack with this archive is there.
    pub fn has(&self, sha256: &str) -> bool {
        self.folder(sha256).is_dir()
    }

    /// Folder of the pack with this archive.
    pub fn folder(&self, sha256: &str) -> PathBuf {
        self.root.join("packs").join(sha256)
    }

    /// Puts the pack of `archive`, whose digest is `sha256`, into the store.
    ///
    /// # Errors
    /// When the archive is not sound; nothing of it is left then.
    pub fn stage(
        &self,
        guard: &Guard,
        archive: &Path,
        sha256: &str,
        limits: &Limits,
        on_progress: &dyn Fn(u64),
    ) -> Result<Staged, PackError> {
        let _ = (guard, archive, sha256, limits, on_progress);
        unimplemented!()
    }

    /// Makes `packs` the active set; `reason` is told by the history: `install acme/prune 1.2.0`.
    ///
    /// # Errors
    /// When it cannot be written; the old set is active then.
    pub fn commit(
        &self,
        guard: &Guard,
        reason: &str,
        packs: Vec<ActivePack>,
    ) -> Result<Generation, PackError> {
        let _ = (guard, reason, packs);
        unimplemented!()
    }

    /// Makes an earlier generation's set the active one: the parent of the active generation, or the
    /// one with number `to`.
    ///
    /// # Errors
    /// When there is none, one of its packs is gone, or it cannot be written.
    pub fn rollback(&self, guard: &Guard, to: Option<u64>) -> Result<Generation, PackError> {
        let _ = (guard, to);
        unimplemented!()
    }

    /// Removes every generation but the active one, and every pack that is not active; gives the
    /// bytes freed.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clean(&self, guard: &Guard) -> Result<u64, PackError> {
        let _ = guard;
        unimplemented!()
    }

    /// Compares every file of `pack` with its manifest, and the manifest with its digest.
    ///
    /// # Errors
    /// When the pack's folder cannot be read at all.
    pub fn verify(&self, pack: &ActivePack) -> Result<Vec<Damage>, PackError> {
        let _ = pack;
        unimplemented!()
    }
}
