//! Files of steps that lie in output folders: lent, so that they are not copied.
//!
//! A large file of a result may move from its step into an output folder, for readers that refuse
//! files with two names. The step remembers in `loans.json` where it lies and how it looked. While it
//! looks so, the step is whole; when it is changed, moved or removed, the step is made again.
//!
//! Every change is a chain of actions after each of which the step is whole, so a kill loses nothing.
//! The file is the store's, and read-only, as long as the store has a name for it.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::files::{self, is_there, let_write, link, names, seal_file, write_atomically};
use super::{StepKey, Store, StoreError};

/// `loans.json`: what a step has lent, by paths below `files/`.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Loans(BTreeMap<String, Loan>);

/// A file that lies elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Loan {
    path: PathBuf,
    size_bytes: u64,
    modified_ns: u128,
    inode: u64,
}

impl Loan {
    /// The file at `path`, as it looks.
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            size_bytes: metadata.len(),
            modified_ns: modified.as_nanos(),
            inode: inode(&metadata),
        })
    }

    fn is_unchanged(&self) -> bool {
        Self::of(&self.path).is_ok_and(|found| found == *self)
    }
}

impl Store {
    /// Where the file `path` of a step lies: there, or where it is lent to.
    pub(super) fn place_of(&self, path: &Path) -> PathBuf {
        let Some((key, name)) = self.inside(path).filter(|_| !is_there(path)) else {
            return path.to_owned();
        };
        let lent = self.loans(&key).0.remove(name.to_string_lossy().as_ref());
        lent.filter(Loan::is_unchanged).map_or_else(|| path.to_owned(), |loan| loan.path)
    }

    /// Where files lie that the step `key` has lent.
    pub fn lent(&self, key: &StepKey) -> Vec<PathBuf> {
        let is_away =
            |(name, loan): &(String, Loan)| !is_there(&self.file(key, name)) && loan.is_unchanged();
        self.loans(key).0.into_iter().filter(is_away).map(|(_, loan)| loan.path).collect()
    }

    /// Moves the file `path` of a step to `target`, whose owner may then write to it; tells whether
    /// it did. A system that does not share files between names has it copied by the caller.
    ///
    /// The caller keeps others from reading the step.
    ///
    /// # Errors
    /// When the file is in its place but cannot be given to its owner.
    pub(super) fn lend(&self, path: &Path, target: &Path) -> io::Result<bool> {
        let Some((key, name)) = self.inside(path) else { return Ok(false) };
        let recorded = link(path, target).and_then(|()| self.record(&key, &name, target));
        if !matches!(recorded, Ok(true)) || fs::remove_file(path).is_err() {
            return Ok(false);
        }
        let_write(target)?;
        Ok(true)
    }

    /// Notes that the file `name` lies at `target` too; tells whether it does, and nowhere else.
    fn record(&self, key: &StepKey, name: &Path, target: &Path) -> io::Result<bool> {
        let path = self.step_dir(key).join("files").join(name);
        let loan = Loan { path: target.to_owned(), ..Loan::of(&path)? };
        if !loan.is_unchanged() || num_names(&fs::metadata(path)?) != 2 {
            return Ok(false);
        }
        let mut loans = self.loans(key);
        loans.0.insert(name.to_string_lossy().into_owned(), loan);
        // The name in the store goes only when the new one is sure to last.
        File::open(target.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        self.keep_loans(key, &loans)?;
        Ok(true)
    }

    /// Whether every file of the step `key` that it has lent is back.
    pub(super) fn is_home(&self, key: &StepKey) -> bool {
        self.loans(key).0.keys().all(|name| is_there(&self.file(key, name)))
    }

    /// Copies what the step `key` has lent back into it. The caller keeps others from it.
    ///
    /// # Errors
    /// [`StoreError::Lent`] when a file is not what it was; else when there is no room.
    pub(super) fn copy_home(&self, key: &StepKey) -> Result<(), StoreError> {
        let coming = self.step_dir(key).join("coming");
        for (name, loan) in self.loans(key).0 {
            let home = self.file(key, &name);
            if is_there(&home) {
                continue;
            }
            let _ = fs::remove_file(&coming);
            let copied = fs::copy(&loan.path, &coming).and_then(|_| seal_file(&coming));
            let is_same = loan.is_unchanged();
            let back =
                copied.and_then(|()| if is_same { fs::rename(&coming, &home) } else { Ok(()) });
            let _ = fs::remove_file(&coming);
            if !is_same {
                return Err(StoreError::Lent { key: key.clone(), path: loan.path });
            }
            back.map_err(StoreError::io("write", &home))?;
        }
        self.forget_loans(key)
    }

    /// Moves back into their steps what they have lent into `folder`, before other files take its
    /// place; but not what `stays`, told of a file's path in its step and of where it lies.
    ///
    /// # Errors
    /// When a file cannot be moved.
    pub fn take_home(
        &self,
        folder: &Path,
        stays: &dyn Fn(&Path, &Path) -> bool,
    ) -> Result<(), StoreError> {
        let steps = self.root.join("steps");
        for key in names(&steps).map_err(StoreError::io("read", &steps))? {
            let key = StepKey::from_name(key);
            let due = || {
                let mut loans = self.loans(&key).0;
                loans.retain(|name, loan| {
                    let file = self.file(&key, name);
                    loan.path.starts_with(folder)
                        && !is_there(&file)
                        && loan.is_unchanged()
                        && !stays(&file, &loan.path)
                });
                loans
            };
            if due().is_empty() {
                continue;
            }
            // Whoever reads the step has its files at home: this waits for a copy at most.
            let _lock = self.lock(&key)?;
            for (name, loan) in due() {
                self.move_home(&key, &name, &loan).map_err(StoreError::io("move", &loan.path))?;
            }
        }
        Ok(())
    }

    fn move_home(&self, key: &StepKey, name: &str, loan: &Loan) -> io::Result<()> {
        seal_file(&loan.path)?;
        fs::hard_link(&loan.path, self.file(key, name))?;
        let mut loans = self.loans(key);
        loans.0.remove(name);
        self.keep_loans(key, &loans)?;
        fs::remove_file(&loan.path)
    }

    fn loans(&self, key: &StepKey) -> Loans {
        let bytes = fs::read(self.loans_path(key)).ok();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    fn keep_loans(&self, key: &StepKey, loans: &Loans) -> io::Result<()> {
        write_atomically(&self.loans_path(key), &serde_json::to_vec_pretty(loans)?)
    }

    fn forget_loans(&self, key: &StepKey) -> Result<(), StoreError> {
        let path = self.loans_path(key);
        files::remove(&path).map_err(StoreError::io("remove", &path))
    }

    fn loans_path(&self, key: &StepKey) -> PathBuf {
        self.step_dir(key).join("loans.json")
    }

    fn file(&self, key: &StepKey, name: &str) -> PathBuf {
        self.step_dir(key).join("files").join(name)
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(unix)]
fn num_names(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

/// No file is lent where a name more cannot be told.
#[cfg(not(unix))]
fn num_names(_metadata: &Metadata) -> u64 {
    1
}

#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> u64 {
    0
}
