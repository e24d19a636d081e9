//! Files of the store: atomic writes, links instead of copies, sizes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file so that its path never holds a part of it: temporary file, sync, rename.
///
/// # Errors
/// When the folder is missing or full.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = written(path, bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    Ok(())
}

/// The same for what nobody else may read.
///
/// # Errors
/// When the file cannot be written.
pub fn write_privately(path: &Path, bytes: &[u8]) -> io::Result<()> {
    written(path, bytes)?.persist(path)?;
    Ok(())
}

/// Puts the file `from` at `to` too: by hard link, else by copy; what a link leads to is copied.
///
/// The target appears whole or not at all, and replaces what was there.
///
/// # Errors
/// When neither works.
pub fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    let is_own = !from.is_symlink();
    put(to, &writing(), |new| {
        if is_own && fs::hard_link(from, new).is_ok() {
            return Ok(());
        }
        fs::copy(from, new).map(drop)
    })
}

/// Puts the file `from` at `to` too, by hard link.
///
/// The target replaces what was there. It has another name first, which is always the same, so that
/// one that a kill has left goes when the file is linked again.
///
/// # Errors
/// When the folder is missing, or on another file system than the file.
pub fn link(from: &Path, to: &Path) -> io::Result<()> {
    put(to, "lending", |new| fs::hard_link(from, new))
}

/// Puts a copy of the file `from` at `to`, which may be written.
///
/// The target appears whole or not at all, and replaces what was there. File systems that can share
/// the bytes of copies do.
///
/// # Errors
/// When the file cannot be read or the folder is missing or full.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    put(to, &writing(), |new| io::copy(&mut File::open(from)?, &mut File::create(new)?).map(drop))
}

/// A new file beside `path` with these bytes, which are on the disk.
fn written(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// What names of files begin with that this process has not written to their end.
fn writing() -> String {
    format!("writing-{}", std::process::id())
}

/// Puts at `to` what `make` makes under a hidden name that begins with `mark`.
fn put(to: &Path, mark: &str, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let new = folder.join(format!(".{mark}-{name}"));
    let _ = fs::remove_file(&new);
    let made = make(&new).and_then(|()| fs::rename(&new, to));
    // A name stays behind when something fails, or when it was one more of the file at `to`.
    let _ = fs::remove_file(&new);
    made
}

/// Relative paths of every file below `folder`, sorted.
///
/// # Errors
/// When a folder cannot be read.
pub fn relative_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for name in names(folder)? {
        let path = folder.join(&name);
        if path.is_dir() {
            let below = relative_files(&path)?;
            found.extend(below.into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            found.push(name);
        }
    }
    Ok(found)
}

/// Names in a folder, sorted; none when it does not exist.
///
/// # Errors
/// When the folder cannot be read.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

/// Bytes of a file, or of every file below a folder.
///
/// # Errors
/// When something cannot be read.
pub fn size(path: &Path) -> io::Result<u64> {
    if path.is_file() {
        return Ok(fs::metadata(path)?.len());
    }
    relative_files(path)?.iter().map(|name| Ok(fs::metadata(path.join(name))?.len())).sum()
}

/// Bytes that `path` and what is below it take up where they are: of a link its own, not those of
/// what it leads to, if it does.
///
/// # Errors
/// When something cannot be read.
pub fn weigh(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| weigh(&entry?.path())).sum()
}

/// Makes every file below `folder` durable and read-only: other names may come to share it. What a
/// link leads to is somebody else's.
///
/// # Errors
/// When a file cannot be opened or changed.
pub fn seal(folder: &Path) -> io::Result<()> {
    for name in relative_files(folder)? {
        let file = folder.join(name);
        if !file.is_symlink() {
            seal_file(&file)?;
        }
    }
    Ok(())
}

/// Makes a file durable and read-only.
///
/// # Errors
/// When it cannot be opened or changed.
pub fn seal_file(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    file.sync_all()?;
    file.set_permissions(sealed(file.metadata()?.permissions()))
}

/// Lets the owner of a file write to it.
///
/// # Errors
/// When its mode cannot be changed.
pub fn let_write(path: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        permissions.set_mode(permissions.mode() | 0o200);
    }
    #[cfg(not(unix))]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)
}

/// Whether something has the name `path`, be it a link that leads nowhere.
pub fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Removes a file, if it is there.
///
/// # Errors
/// When it stays.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The same without the right to write, nor any right that a running program would inherit.
fn sealed(mut permissions: fs::Permissions) -> fs::Permissions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        permissions.set_mode(permissions.mode() & 0o777);
    }
    permissions.set_readonly(true);
    permissions
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::{copy, link_or_copy, seal, weigh};

    #[test]
    fn a_link_weighs_what_it_is_itself() {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("files");
        fs::create_dir(&files).unwrap();
        fs::write(files.join("own"), [0; 10]).unwrap();
        fs::write(folder.path().join("blob"), [0; 1000]).unwrap();
        for target in ["../blob", "../gone", "."] {
            let link = files.join("link");
            std::os::unix::fs::symlink(target, &link).unwrap();
            assert_eq!(weigh(&files).unwrap(), 10 + target.len() as u64, "{target}");
            fs::remove_file(link).unwrap();
        }
        assert_eq!(weigh(&files.join("own")).unwrap(), 10);
    }

    #[test]
    fn a_copy_shares_nothing_and_may_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        fs::create_dir(&store).unwrap();
        let from = store.join("weights");
        fs::write(&from, "weights").unwrap();
        seal(&store).unwrap();
        for (name, put, names) in
            [("linked", link_or_copy as fn(&_, &_) -> _, 2), ("copied", copy, 1)]
        {
            let to = folder.path().join("output").join(name);
            put(&from, &to).unwrap();
            let metadata = fs::metadata(&to).unwrap();
            assert_eq!(
                (metadata.nlink(), fs::read(&to).unwrap().as_slice()),
                (names, &b"weights"[..])
            );
            assert_eq!(metadata.permissions().readonly(), names == 2);
        }
        assert!(copy(&folder.path().join("none"), &folder.path().join("output/none")).is_err());
        assert_eq!(fs::read_dir(folder.path().join("output")).unwrap().count(), 2);
    }
}
