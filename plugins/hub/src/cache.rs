//! The cache of `huggingface_hub`, as Python lays it out.
//!
//! ```text
//! <hub>/models--owner--name/refs/<revision>            the commit that a branch or tag had
//!                          /blobs/<etag>               a content, once
//!                          /blobs/<etag>.incomplete    what has arrived of it
//!                          /snapshots/<commit>/<path>  a link to the blob
//!                          /.olive/<commit>.json       what the hub has said of it, our own
//! <hub>/.locks/models--owner--name/<etag>.lock         held while a blob arrives
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::HubError;
use crate::repository::{Repository, is_commit};

/// Time between two looks at whether another program has finished.
const PATIENCE: Duration = Duration::from_millis(100);

/// The cache of one repository.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
    locks: PathBuf,
}

impl Cache {
    /// The cache of `repository` below the folder `hub`.
    pub(crate) fn new(hub: &Path, repository: &Repository) -> Self {
        let name = repository.folder();
        Self { folder: hub.join(&name), locks: hub.join(".locks").join(&name) }
    }

    /// The commit that `revision` is, or had when it was last asked for.
    pub(crate) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_lowercase());
        }
        let commit = fs::read_to_string(self.reference(revision)).ok()?.trim().to_owned();
        is_commit(&commit).then_some(commit)
    }

    /// Remembers that `revision` is `commit`.
    pub(crate) fn remember(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        let path = self.reference(revision);
        if is_commit(revision) || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        make_parent(&path)?;
        write(&path, commit.as_bytes()).map_err(HubError::io("write", &path))
    }

    /// What the hub has said of `commit`, when it was asked before.
    pub(crate) fn told(&self, commit: &str) -> Option<Vec<u8>> {
        fs::read(self.answer(commit)).ok()
    }

    /// Keeps what the hub says of `commit`, which it will say for ever.
    pub(crate) fn keep(&self, commit: &str, answer: &[u8]) {
        let path = self.answer(commit);
        // What cannot be kept, as in a cache that others fill, is asked again.
        let _ = make_parent(&path).map(|()| write(&path, answer));
    }

    /// Folder of the files of `commit`.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The content called `etag`.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// What has arrived of the content called `etag`.
    pub(crate) fn incomplete(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// Waits until no other program brings the content called `etag`; the lock lasts as long as what
    /// is returned.
    pub(crate) fn lock(
        &self,
        etag: &str,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<File, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        make_parent(&path)?;
        make_parent(&self.blob(etag))?;
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(HubError::io("open", &path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(HubError::io("lock", &path)(error)),
                Err(TryLockError::WouldBlock) if is_cancelled() => return Err(HubError::Cancelled),
                Err(TryLockError::WouldBlock) => thread::sleep(PATIENCE),
            }
        }
    }

    /// Gives the content called `etag` the name `name` among the files of `commit`.
    pub(crate) fn point(&self, commit: &str, name: &str, etag: &str) -> Result<(), HubError> {
        let path = self.snapshot(commit).join(name);
        if path.exists() {
            return Ok(());
        }
        make_parent(&path)?;
        // A link that leads nowhere is of a blob that someone has removed.
        let _ = fs::remove_file(&path);
        let up = "../".repeat(2 + name.matches('/').count());
        let target = format!("{up}blobs/{etag}");
        match link(Path::new(&target), &self.blob(etag), &path) {
            // Another program may have been as fast.
            Err(_) if path.exists() => Ok(()),
            result => result.map_err(HubError::io("link", &path)),
        }
    }

    fn answer(&self, commit: &str) -> PathBuf {
        self.folder.join(".olive").join(format!("{commit}.json"))
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.folder.join("refs").join(revision)
    }
}

/// Paths of the files below `folder`, with slashes, sorted; links are followed, and those that lead
/// nowhere left out.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            let below = files_below(&path).into_iter();
            found.extend(below.map(|inner| format!("{name}/{inner}")));
        } else if path.exists() {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// Makes `path` a link: to `target`, from where it stands, or at least a copy of the file `blob`.
#[cfg(unix)]
pub(crate) fn link(target: &Path, _blob: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Makes `path` a link: to `target`, from where it stands, or at least a copy of the file `blob`.
#[cfg(windows)]
pub(crate) fn link(target: &Path, blob: &Path, path: &Path) -> io::Result<()> {
    // Links need a right that few users have.
    std::os::windows::fs::symlink_file(target, path).or_else(|_| fs::copy(blob, path).map(drop))
}

/// Writes a file that appears whole or not at all.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension(format!("{}.writing", std::process::id()));
    fs::write(&new, content).and_then(|()| fs::rename(&new, path))
}

pub(crate) fn make_parent(path: &Path) -> Result<(), HubError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(HubError::io("make", folder))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Cache, files_below};
    use crate::repository::{Kind, Repository};

    #[test]
    fn files_are_links_to_blobs_as_python_makes_them() {
        let hub = tempfile::tempdir().unwrap();
        let cache = Cache::new(hub.path(), &Repository::new(Kind::Model, "acme/phi"));
        let commit = "0a".repeat(20);
        let lock = cache.lock("e1", &|| false).unwrap();
        assert!(hub.path().join(".locks/models--acme--phi/e1.lock").exists());
        drop(lock);
        fs::write(cache.blob("e1"), "content").unwrap();
        cache.point(&commit, "deep/config.json", "e1").unwrap();
        let file = hub.path().join("models--acme--phi/snapshots").join(&commit);
        let file = file.join("deep/config.json");
        assert_eq!(fs::read_link(&file).unwrap(), Path::new("../../../blobs/e1"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "content");
        cache.point(&commit, "gone", "e2").unwrap();
        assert_eq!(files_below(&cache.snapshot(&commit)), ["deep/config.json"]);
        cache.remember("refs/pr/1", &commit).unwrap();
        let reference = hub.path().join("models--acme--phi/refs/refs/pr/1");
        assert_eq!(fs::read_to_string(reference).unwrap(), commit);
        assert_eq!(cache.commit("refs/pr/1"), Some(commit.clone()));
        assert_eq!(cache.commit("main"), None);
        assert_eq!(cache.told(&commit), None);
        cache.keep(&commit, b"{}");
        assert_eq!(cache.told(&commit).as_deref(), Some(&b"{}"[..]));
    }
}
