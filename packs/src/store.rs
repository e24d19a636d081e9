//! The store: packs by content, and which of them are active.
//!
//! ```text
//! <root>/packs/<sha256 of the archive>/   a pack, unpacked, its files read-only; never changed
//!       /generations/<number>.json        a set of active packs; never changed
//!       /active.json                      the number of the active generation; replaced by rename
//!       /tmp/                             what is under way
//!       /lock                             held by a command that changes something
//! ```
//!
//! Every change makes a new generation; a pack is in place before the generation that names it, and
//! the generation before `active.json` does. So whenever a command is stopped, the active set is the
//! old one or the new one. What a stopped command has left, the next one sweeps away.

mod clean;
mod generation;
mod guard;
mod place;
mod seal;
mod stage;
mod verify;

pub use generation::{ActivePack, Generation};
pub use guard::Guard;
pub use stage::Staged;
pub use verify::Damage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::PackError;
use crate::archive::Limits;

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
    /// When what is written cannot be read, is sealed by nobody known (`pack-foreign-store`), or
    /// others could have written it (`pack-open-store`).
    pub fn active(&self) -> Result<Generation, PackError> {
        if !place::check(self)? {
            return Ok(Generation::default());
        }
        generation::read(self, generation::pointer(self)?.unwrap_or_default().generation)
    }

    /// All generations, oldest first; the empty one numbered 0 is not among them.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn history(&self) -> Result<Vec<Generation>, PackError> {
        if !place::check(self)? {
            return Ok(Vec::new());
        }
        let numbers = generation::numbers(self)?;
        numbers.into_iter().map(|number| generation::read(self, number)).collect()
    }

    /// Takes the lock, waiting so long for another command; `on_wait` is told once when it has to.
    /// Clears away what a command that was killed has left.
    ///
    /// # Errors
    /// When another command still holds it (`pack-busy`), the store is somebody else's, or it cannot
    /// be written.
    pub fn lock(&self, wait: Duration, on_wait: &dyn Fn()) -> Result<Guard, PackError> {
        place::prepare(self)?;
        guard::take(self, wait, on_wait)
    }

    /// Whether the pack with this archive is there.
    pub fn has(&self, sha256: &str) -> bool {
        self.folder(sha256).is_dir()
    }

    /// Folder of the pack with this archive.
    pub fn folder(&self, sha256: &str) -> PathBuf {
        self.packs().join(sha256)
    }

    /// Puts the pack of `archive`, whose digest is `sha256`, into the store. A pack that is there
    /// already is compared with the archive's manifest, and put in place anew when it is damaged.
    ///
    /// # Errors
    /// When the archive is not sound, or not the one with this digest; nothing of it is left then.
    pub fn stage(
        &self,
        _guard: &Guard,
        archive: &Path,
        sha256: &str,
        limits: &Limits,
        on_progress: &dyn Fn(u64),
    ) -> Result<Staged, PackError> {
        stage::stage(self, archive, sha256, limits, on_progress)
    }

    /// Makes `packs` the active set; `reason` is told by the history: `install acme/prune 1.2.0`.
    ///
    /// # Errors
    /// When it cannot be written; the old set is active then.
    pub fn commit(
        &self,
        _guard: &Guard,
        reason: &str,
        packs: Vec<ActivePack>,
    ) -> Result<Generation, PackError> {
        generation::commit(self, reason, packs)
    }

    /// The generation that [`rollback`](Self::rollback) would make the active one.
    ///
    /// # Errors
    /// When there is none, or one of its packs is gone.
    pub fn rollback_target(&self, to: Option<u64>) -> Result<Generation, PackError> {
        place::check(self)?;
        generation::rollback_target(self, to)
    }

    /// Makes an earlier generation's set the active one: the parent of the active generation, or the
    /// one with number `to`. Generation 0 is the empty set.
    ///
    /// # Errors
    /// When there is none, one of its packs is gone, or it cannot be written.
    pub fn rollback(&self, _guard: &Guard, to: Option<u64>) -> Result<Generation, PackError> {
        generation::rollback(self, to)
    }

    /// Removes every generation but the active one, and every pack that is not active; gives the
    /// bytes freed.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clean(&self, _guard: &Guard) -> Result<u64, PackError> {
        clean::clean(self)
    }

    /// Compares every file of `pack` with its manifest, and the manifest with its digest.
    ///
    /// # Errors
    /// When the pack's folder is there and cannot be read.
    pub fn verify(&self, pack: &ActivePack) -> Result<Vec<Damage>, PackError> {
        verify::verify(&self.folder(&pack.sha256), &pack.manifest_sha256)
    }

    fn packs(&self) -> PathBuf {
        self.root.join("packs")
    }

    fn generations(&self) -> PathBuf {
        self.root.join("generations")
    }

    fn scratch(&self) -> PathBuf {
        self.root.join("tmp")
    }
}

#[cfg(test)]
mod tests;
