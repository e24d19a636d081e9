//! Changes of files that last: the only way in which this crate changes a store.
//!
//! Nothing here is synced in secret: callers write, sync and rename in the order that makes a change
//! all or nothing. Each call is a *fault point*: in builds with debug assertions,
//! `OLIVE_FAULT_POINT=N` kills the program before the N-th, as a power cut would, and
//! `OLIVE_FAULT_POINT=count` says on standard error which there are, one line each.

mod fault;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::PackError;
use fault::point;

/// Who may do what with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All may read it, nobody changes it any more.
    Data,
    /// All may read and run it, nobody changes it any more.
    Program,
    /// Only its owner may read and change it.
    Private,
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
}

impl NewFile {
    /// Makes the file, which must not be there yet.
    pub(crate) fn create(path: &Path) -> Result<Self, PackError> {
        point("create", path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(PackError::io("create", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Appends `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        point("write", &self.path);
        self.file.write_all(bytes).map_err(PackError::io("write", &self.path))
    }

    /// Gives it its final mode and waits until the disk has it.
    pub(crate) fn finish(self, mode: Mode) -> Result<(), PackError> {
        point("sync", &self.path);
        set_mode(&self.file, mode)
            .and_then(|()| self.file.sync_all())
            .map_err(PackError::io("write", &self.path))
    }
}

/// Opens the file at `path` to lock it, and makes it when it is not there.
pub(crate) fn open_lock(path: &Path) -> Result<File, PackError> {
    point("open", path);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(PackError::io("open", path))
}

/// Makes a folder, which must not be there yet, for its owner alone.
pub(crate) fn create_folder(path: &Path) -> Result<(), PackError> {
    point("create folder", path);
    private_folder().create(path).map_err(PackError::io("create", path))
}

/// Makes a folder and those above it, where they are missing; each lasts.
pub(crate) fn create_folders(path: &Path) -> Result<(), PackError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_folders(parent)?;
    }
    point("create folder", path);
    match private_folder().create(path) {
        // Another program made it at the same moment.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        other => other.map_err(PackError::io("create", path))?,
    }
    parent.map_or(Ok(()), sync_folder)
}

/// Waits until the disk has the names in a folder.
pub(crate) fn sync_folder(path: &Path) -> Result<(), PackError> {
    point("sync folder", path);
    // Elsewhere a folder cannot be opened, and its names are kept by the file system.
    #[cfg(unix)]
    File::open(path).and_then(|folder| folder.sync_all()).map_err(PackError::io("sync", path))?;
    Ok(())
}

/// Gives a file or folder another name, in place of what has that name now.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), PackError> {
    point("rename", to);
    fs::rename(from, to).map_err(PackError::io("write", to))
}

/// Removes a file.
pub(crate) fn remove_file(path: &Path) -> Result<(), PackError> {
    point("remove", path);
    fs::remove_file(path).map_err(PackError::io("remove", path))
}

/// Removes what is at `path`, a folder with all that is in it; gives the bytes of the files. Links
/// are removed, not followed.
pub(crate) fn remove_all(path: &Path) -> Result<u64, PackError> {
    let about = fs::symlink_metadata(path).map_err(PackError::io("remove", path))?;
    if !about.is_dir() {
        remove_file(path)?;
        return Ok(about.len());
    }
    open_up(path, &about)?;
    let mut bytes = 0;
    for entry in fs::read_dir(path).map_err(PackError::io("read", path))? {
        bytes += remove_all(&entry.map_err(PackError::io("read", path))?.path())?;
    }
    point("remove folder", path);
    fs::remove_dir(path).map_err(PackError::io("remove", path))?;
    Ok(bytes)
}

/// Puts `bytes` at `path`, all or nothing: they are written in the folder `scratch`, which is of the
/// same file system, and renamed.
pub(crate) fn replace(
    path: &Path,
    scratch: &Path,
    bytes: &[u8],
    mode: Mode,
) -> Result<(), PackError> {
    let new = scratch.join(random_name()?);
    let written = write_new(&new, bytes, mode).and_then(|()| rename(&new, path));
    if written.is_err() {
        // What the system refuses to remove, the next command that takes the lock sweeps.
        let _ = fs::remove_file(&new);
    }
    written?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Writes a file that is not there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), PackError> {
    let mut file = NewFile::create(path)?;
    file.write(bytes)?;
    file.finish(mode)
}

/// A name that no other program takes.
pub(crate) fn random_name() -> Result<String, PackError> {
    let bytes: [u8; 8] = random()?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}

/// Bytes that nobody can guess.
pub(crate) fn random<const COUNT: usize>() -> Result<[u8; COUNT], PackError> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(|error| {
        PackError::refused("pack-random", format!("this system gives no random numbers: {error}"))
    })?;
    Ok(bytes)
}

fn private_folder() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(unix)]
fn set_mode(file: &File, mode: Mode) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let bits = match mode {
        Mode::Data => 0o444,
        Mode::Program => 0o555,
        Mode::Private => 0o600,
    };
    file.set_permissions(fs::Permissions::from_mode(bits))
}

/// Elsewhere files that cannot be changed could not be removed either.
#[cfg(not(unix))]
fn set_mode(_: &File, _: Mode) -> io::Result<()> {
    Ok(())
}

/// Makes sure that names in a folder can be removed.
#[cfg(unix)]
fn open_up(path: &Path, about: &fs::Metadata) -> Result<(), PackError> {
    use std::os::unix::fs::PermissionsExt;
    if about.permissions().mode() & 0o700 == 0o700 {
        return Ok(());
    }
    point("change mode", path);
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .map_err(PackError::io("remove", path))
}

#[cfg(not(unix))]
fn open_up(_: &Path, _: &fs::Metadata) -> Result<(), PackError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Mode, create_folders, remove_all, replace, write_new};

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("active.json");
        for text in ["old", "new"] {
            replace(&path, folder.path(), text.as_bytes(), Mode::Private).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let missing = folder.path().join("none/active.json");
        assert!(replace(&missing, folder.path(), b"new", Mode::Private).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_new(&path, b"first", Mode::Data).unwrap();
        assert!(write_new(&path, b"second", Mode::Data).is_err());
        assert_eq!(fs::read(path).unwrap(), b"first");
    }

    #[cfg(unix)]
    #[test]
    fn read_only_folders_are_removed_and_links_are_not_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (outside, inside) = (folder.path().join("outside"), folder.path().join("a/b/c"));
        create_folders(&inside).unwrap();
        write_new(&outside, b"precious", Mode::Data).unwrap();
        write_new(&inside.join("file"), b"12345", Mode::Data).unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        symlink(folder.path(), inside.join("folder")).unwrap();
        fs::set_permissions(&inside, fs::Permissions::from_mode(0o500)).unwrap();
        assert!(remove_all(&folder.path().join("a")).unwrap() >= 5);
        assert_eq!(fs::read(&outside).unwrap(), b"precious");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
