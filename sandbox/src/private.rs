//! A folder that only its owner can read and write.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[cfg(unix)]
pub(crate) use unix::random;

/// A folder of this user, closed to all others.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    #[cfg(unix)]
    handle: rustix::fd::OwnedFd,
}

impl Folder {
    /// Where the folder is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts what `fill` writes into place as `name`, whole or not at all.
    pub(crate) fn write(
        &self,
        name: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        self.filled(fill)?.persist(self.path.join(name)).map(|_| ()).map_err(|failed| failed.error)
    }

    /// Like [`write`](Self::write), but what is there stays.
    pub(crate) fn write_once(
        &self,
        name: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.filled(fill)?.persist_noclobber(self.path.join(name)) {
            Ok(_) => Ok(()),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(failed) => Err(failed.error),
        }
    }

    /// Removes files that end with `suffix` and were not touched for as long as `age`.
    pub(crate) fn remove_unused(&self, suffix: &str, age: Duration) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let is_old = entry
                .metadata()
                .and_then(|about| about.modified())
                .is_ok_and(|last| SystemTime::now().duration_since(last).is_ok_and(|is| is > age));
            if is_old && entry.file_name().to_string_lossy().ends_with(suffix) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// A file under another name, which only this user can read.
    fn filled(
        &self,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.path)?;
        fill(file.as_file_mut())?;
        Ok(file)
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::{DirBuilder, File};
    use std::io::{self, Read};
    use std::os::unix::fs::DirBuilderExt;
    use std::path::Path;

    use rustix::fd::OwnedFd;
    use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};
    use rustix::process::geteuid;

    use super::Folder;

    impl Folder {
        /// The folder at `path`, made when it is not there.
        ///
        /// # Errors
        /// When it is a link, belongs to someone else, or is open to others.
        pub(crate) fn open(path: &Path) -> io::Result<Self> {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let handle = openat(CWD, path, OFlags::RDONLY | flags, Mode::empty())
                .map_err(|error| at(path, &io::Error::from(error).to_string()))?;
            is_private(&fstat(&handle)?, FileType::Directory, "700")
                .map_err(|why| at(path, &why))?;
            Ok(Self { path: path.to_owned(), handle })
        }

        /// The file `name`, `None` when there is none.
        ///
        /// # Errors
        /// When it is a link, no file, belongs to someone else, or is open to others.
        pub(crate) fn read(&self, name: &str) -> io::Result<Option<File>> {
            // Without `NONBLOCK`, opening a pipe would wait for its writer.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let handle: OwnedFd = match openat(&self.handle, name, flags, Mode::empty()) {
                Ok(handle) => handle,
                Err(rustix::io::Errno::NOENT) => return Ok(None),
                Err(error) => return Err(at(&self.path.join(name), &error.to_string())),
            };
            is_private(&fstat(&handle)?, FileType::RegularFile, "600")
                .map_err(|why| at(&self.path.join(name), &why))?;
            Ok(Some(File::from(handle)))
        }
    }

    fn is_private(about: &Stat, wanted: FileType, mode: &str) -> Result<(), String> {
        if FileType::from_raw_mode(about.st_mode) != wanted {
            return Err("it is of another kind".into());
        }
        if about.st_uid != geteuid().as_raw() {
            return Err("it belongs to another user".into());
        }
        if about.st_mode & 0o077 != 0 {
            return Err(format!("others may use it; `chmod {mode}` closes it"));
        }
        Ok(())
    }

    fn at(path: &Path, why: &str) -> io::Error {
        io::Error::other(format!("`{}` is not private: {why}", path.display()))
    }

    /// Bytes that nobody can guess.
    pub(crate) fn random<const COUNT: usize>() -> io::Result<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(not(unix))]
impl Folder {
    /// There is no private folder on this system.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = path.display();
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("this system does not tell whether `{path}` is private"),
        ))
    }

    pub(crate) fn read(&self, name: &str) -> io::Result<Option<File>> {
        File::open(self.path.join(name)).map(Some)
    }
}

/// Not reached: no [`Folder`] can be opened.
#[cfg(not(unix))]
pub(crate) fn random<const COUNT: usize>() -> io::Result<[u8; COUNT]> {
    Err(io::ErrorKind::Unsupported.into())
}
