//! What a plugin has left in its output folder, before it becomes part of the store.
//!
//! Only files and folders are kept: a link, a pipe or a socket means something else tomorrow, or
//! on another machine, or to the next reader.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::Path;

use super::StoreError;

/// Makes sure that `folder` holds nothing but files and folders of its own, which can be read, and
/// links to files of the folder `shared`.
///
/// What a source shares with other programs has names that say its content, and exists once; a step
/// whose links lead nowhere any more is made anew.
///
/// A file that has a second name elsewhere becomes a copy: sealing it would seal the other one.
///
/// # Errors
/// [`StoreError::Foreign`] for anything else, [`StoreError::Io`] when something cannot be read.
pub(super) fn vet(folder: &Path, shared: Option<&Path>) -> Result<(), StoreError> {
    let metadata = fs::symlink_metadata(folder).map_err(StoreError::io("read", folder))?;
    let foreign = |what| StoreError::Foreign { path: folder.to_owned(), what };
    if !metadata.is_dir() {
        return Err(foreign(kind(metadata.file_type())));
    }
    open_up(folder, &metadata).map_err(StoreError::io("open", folder))?;
    for entry in fs::read_dir(folder).map_err(StoreError::io("read", folder))? {
        let path = entry.map_err(StoreError::io("read", folder))?.path();
        let foreign = |what| StoreError::Foreign { path: path.clone(), what };
        if path.file_name().is_none_or(|name| name.to_str().is_none()) {
            return Err(foreign("a name that is no text"));
        }
        let metadata = fs::symlink_metadata(&path).map_err(StoreError::io("read", &path))?;
        if metadata.is_dir() {
            vet(&path, shared)?;
        } else if metadata.is_file() {
            open_up(&path, &metadata).map_err(StoreError::io("open", &path))?;
            make_own(&path, &metadata).map_err(StoreError::io("copy", &path))?;
        } else if !leads_into(&path, shared) {
            return Err(foreign(kind(metadata.file_type())));
        }
    }
    Ok(())
}

/// Whether `path` is a link to a file of the folder `shared`.
fn leads_into(path: &Path, shared: Option<&Path>) -> bool {
    let shared = shared.and_then(|shared| shared.canonicalize().ok());
    let target = path.canonicalize().ok().filter(|target| target.is_file());
    shared.zip(target).is_some_and(|(shared, target)| target.starts_with(shared))
}

/// Removes `folder` and what is in it, also where a plugin has closed a folder to its owner.
///
/// # Errors
/// When something cannot be removed.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    fs::remove_dir_all(folder).or_else(|_| {
        open_all(folder);
        fs::remove_dir_all(folder)
    })
}

fn open_all(folder: &Path) {
    let Ok(metadata) = fs::symlink_metadata(folder) else { return };
    if metadata.is_dir() {
        let _ = open_up(folder, &metadata);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.for_each(|entry| open_all(&entry.path()));
    }
}

fn kind(found: FileType) -> &'static str {
    if found.is_symlink() {
        return "a symbolic link";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if found.is_fifo() {
            return "a pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
        if found.is_block_device() || found.is_char_device() {
            return "a device";
        }
    }
    if found.is_file() { "a file" } else { "something unknown" }
}

/// Lets the owner read a file, and enter and change a folder.
#[cfg(unix)]
fn open_up(path: &Path, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode();
    let needed = if metadata.is_dir() { 0o700 } else { 0o400 };
    if mode & needed == needed {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o777 | needed))
}

#[cfg(not(unix))]
fn open_up(_path: &Path, _metadata: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_own(path: &Path, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    if metadata.nlink() < 2 {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let copy = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
    fs::copy(path, copy.path())?;
    copy.persist(path)?;
    Ok(())
}

#[cfg(not(unix))]
fn make_own(_path: &Path, _metadata: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use super::{remove, vet};

    /// What is wrong with a folder that `fill` has filled.
    fn problem(fill: impl FnOnce(&Path)) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        let output = root.path().join("output");
        fs::create_dir_all(output.join("deep/deeper")).unwrap();
        fs::write(output.join("deep/weights"), "w").unwrap();
        fill(&output);
        vet(&output, None).err().map(|error| error.to_string())
    }

    #[test]
    fn only_files_and_folders_are_kept() {
        assert_eq!(problem(|_| {}), None);
        let link = problem(|output| symlink("weights", output.join("deep/link")).unwrap());
        assert!(link.unwrap().ends_with("deep/link` is a symbolic link"));
        let looped = problem(|output| symlink(".", output.join("deep/deeper/self")).unwrap());
        assert!(looped.unwrap().ends_with("self` is a symbolic link"));
        let socket = problem(|output| drop(UnixListener::bind(output.join("s")).unwrap()));
        assert!(socket.unwrap().ends_with("/s` is a socket"));
        let gone = problem(|output| {
            fs::rename(output, output.with_file_name("away")).unwrap();
            symlink("away", output).unwrap();
        });
        assert!(gone.unwrap().ends_with("output` is a symbolic link"));
    }

    #[test]
    fn only_links_to_files_of_the_shared_folder_are_kept() {
        let linked = |target: &str| {
            let target = target.to_owned();
            problem(move |output| {
                let shared = output.with_file_name("shared");
                fs::create_dir(&shared).unwrap();
                fs::write(shared.join("blob"), "theirs").unwrap();
                symlink(&target, output.join("link")).unwrap();
                let kept = vet(output, Some(&shared)).is_ok();
                fs::remove_file(output.join("link")).unwrap();
                if !kept {
                    symlink("nowhere", output.join("refused")).unwrap();
                }
            })
        };
        assert_eq!(linked("../shared/blob"), None);
        for refused in ["../shared", "../shared/gone", "weights", "../.."] {
            assert!(linked(refused).unwrap().ends_with("refused` is a symbolic link"), "{refused}");
        }
    }

    #[test]
    fn a_file_with_a_second_name_becomes_a_copy() {
        let found = problem(|output| {
            let outside = output.with_file_name("outside");
            fs::write(&outside, "theirs").unwrap();
            fs::hard_link(&outside, output.join("mine")).unwrap();
            vet(output, None).unwrap();
            assert_eq!(fs::metadata(&outside).unwrap().nlink(), 1);
            assert_eq!(fs::read_to_string(output.join("mine")).unwrap(), "theirs");
        });
        assert_eq!(found, None);
    }

    #[test]
    fn what_is_closed_to_its_owner_is_opened() {
        let closed = fs::Permissions::from_mode(0o000);
        let found = problem(|output| {
            fs::set_permissions(output.join("deep/weights"), closed.clone()).unwrap();
            fs::set_permissions(output.join("deep"), closed.clone()).unwrap();
            vet(output, None).unwrap();
            assert!(fs::read(output.join("deep/weights")).is_ok());
            fs::set_permissions(output.join("deep"), closed).unwrap();
            remove(output).unwrap();
            fs::create_dir(output).unwrap();
        });
        assert_eq!(found, None);
    }
}
