//! What has arrived so far, in a file that another try goes on with, also one of another process.
//!
//! ```text
//! <folder>/<digest of the address>.partial     what has arrived; locked by the process that writes
//!         /<digest of the address>.validator   what the server must still say for it to go on
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::TransportError;

/// Age at which nobody comes back for what has arrived.
const ABANDONED: Duration = Duration::from_hours(7 * 24);

/// A file that arrives.
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
    size: u64,
    hash: Sha256,
    /// Bytes of an earlier process that are still part of it.
    resumed: u64,
    /// Whether it is for this process only, as another one writes the common file.
    is_private: bool,
    /// Whether it lies in a folder of other programs, where nothing else is left.
    is_lodged: bool,
}

impl Partial {
    /// What has arrived of `address`, in `folder`.
    pub(crate) fn open(folder: &Path, address: &str) -> Result<Self, TransportError> {
        fs::create_dir_all(folder).map_err(TransportError::file("create", folder))?;
        remove_abandoned(folder);
        let name = hex(&Sha256::digest(address));
        Self::common(folder.join(format!("{name}.partial")), false)
    }

    /// What has arrived in the file `path` of a folder of other programs.
    pub(crate) fn at(path: &Path) -> Result<Self, TransportError> {
        Self::common(path.to_owned(), true)
    }

    /// The file `path`, or one of this process while another has that.
    fn common(path: PathBuf, is_lodged: bool) -> Result<Self, TransportError> {
        if let Some(file) = open_locked(&path).map_err(TransportError::file("open", &path))? {
            let (size, hash) = digest(&file).map_err(TransportError::file("read", &path))?;
            return Ok(Self {
                path,
                file,
                size,
                hash,
                resumed: size,
                is_private: false,
                is_lodged,
            });
        }
        let suffix = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let path = path.with_extension(format!("{}.{suffix}", process::id()));
        let options = || OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let file = options().map_err(TransportError::file("create", &path))?;
        let (size, hash, is_private) = (0, Sha256::new(), true);
        Ok(Self { path, file, size, hash, resumed: 0, is_private, is_lodged })
    }

    /// Bytes that have arrived.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of these that arrived in an earlier process.
    pub(crate) fn resumed(&self) -> u64 {
        self.resumed
    }

    /// SHA-256 of what has arrived.
    pub(crate) fn sha256(&self) -> String {
        hex(&self.hash.clone().finalize())
    }

    /// What the server said of the version that has begun to arrive.
    pub(crate) fn validator(&self) -> Option<String> {
        fs::read_to_string(self.validator_path()).ok()
    }

    /// Forgets what has arrived; what comes next is of the version `validator`.
    pub(crate) fn restart(&mut self, validator: Option<&str>) -> Result<(), TransportError> {
        let path = self.validator_path();
        remove(&path).map_err(TransportError::file("remove", &path))?;
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(TransportError::file("write", &self.path))?;
        (self.size, self.resumed, self.hash) = (0, 0, Sha256::new());
        if let Some(validator) = validator.filter(|_| !self.is_lodged) {
            fs::write(&path, validator).map_err(TransportError::file("write", &path))?;
        }
        Ok(())
    }

    /// Adds what has come next.
    pub(crate) fn append(&mut self, content: &[u8]) -> Result<(), TransportError> {
        if let Err(source) = self.file.write_all(content) {
            // Of a piece that came in part no one knows how much; a full disk gets its room back.
            self.discard();
            return Err(TransportError::File { action: "write", path: self.path.clone(), source });
        }
        self.hash.update(content);
        self.size += content.len() as u64;
        Ok(())
    }

    /// Removes what has arrived, for good.
    pub(crate) fn discard(&mut self) {
        let _ = self.restart(None);
        let _ = fs::remove_file(&self.path);
    }

    /// Moves what has arrived to `to`, which appears whole.
    pub(crate) fn publish(self, to: &Path) -> Result<(), TransportError> {
        let folder = to.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(TransportError::file("create", folder))?;
        self.file.sync_all().map_err(TransportError::file("write", &self.path))?;
        let moved = match fs::rename(&self.path, to) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                copy(&self.path, to).and_then(|()| fs::remove_file(&self.path))
            }
            result => result,
        };
        moved.map_err(TransportError::file("write", to))?;
        let _ = remove(&self.validator_path());
        Ok(())
    }

    fn validator_path(&self) -> PathBuf {
        self.path.with_extension("validator")
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Nobody goes on with the file of one process, or with an empty one.
        if self.is_private || self.size == 0 {
            let _ = fs::remove_file(&self.path);
            let _ = remove(&self.validator_path());
        }
    }
}

/// Bytes as hexadecimal digits in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The file at `path`, for this process alone; `None` when another one has it.
fn open_locked(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(is_still_at(&file, path).then_some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Whether the file was not moved away between its opening and its locking.
fn is_still_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let ids = (file.metadata().map(id), fs::symlink_metadata(path).map(id));
        matches!(ids, (Ok(opened), Ok(there)) if opened == there)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

fn digest(mut file: &File) -> io::Result<(u64, Sha256)> {
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((size, hash));
        }
        hash.update(&piece[..read]);
        size += read as u64;
    }
}

/// Copies to another file system, where the file appears whole.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", process::id()));
    let beside = to.with_file_name(name);
    let copied = fs::copy(from, &beside)
        .and_then(|_| File::open(&beside)?.sync_all())
        .and_then(|()| fs::rename(&beside, to));
    if copied.is_err() {
        let _ = fs::remove_file(&beside);
    }
    copied
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what was begun long ago; it is no harm when it cannot be removed.
fn remove_abandoned(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_ours = path.extension().is_some_and(|end| end == "partial" || end == "validator");
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|time| time.elapsed().ok());
        if is_ours && age.is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::{ABANDONED, Partial};

    const ADDRESS: &str = "https://example.org/x";
    /// Of `hello`.
    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn what_has_arrived_waits_for_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let mut partial = Partial::open(folder.path(), ADDRESS).unwrap();
        partial.restart(Some("\"v1\"")).unwrap();
        partial.append(b"hel").unwrap();
        drop(partial);
        let mut partial = Partial::open(folder.path(), ADDRESS).unwrap();
        assert_eq!((partial.size(), partial.validator().as_deref()), (3, Some("\"v1\"")));
        partial.append(b"lo").unwrap();
        assert_eq!(partial.sha256(), HELLO);
        partial.publish(&folder.path().join("to/x")).unwrap();
        assert_eq!(fs::read(folder.path().join("to/x")).unwrap(), b"hello");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_at_once_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = Partial::open(folder.path(), ADDRESS).unwrap();
        let mut two = Partial::open(folder.path(), ADDRESS).unwrap();
        one.append(b"hello").unwrap();
        two.append(b"hello").unwrap();
        assert_eq!((one.sha256(), two.sha256()), (HELLO.into(), HELLO.into()));
        one.publish(&folder.path().join("one")).unwrap();
        two.publish(&folder.path().join("two")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_no_one_comes_back_for_goes() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("old.partial");
        let long_ago = SystemTime::now() - ABANDONED - ABANDONED;
        File::create(&old).unwrap().set_modified(long_ago).unwrap();
        fs::write(folder.path().join("new.partial"), "").unwrap();
        drop(Partial::open(folder.path(), ADDRESS).unwrap());
        assert!(!old.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
