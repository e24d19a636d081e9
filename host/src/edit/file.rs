//! Writing an edited config back to its file.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::config::Source;

/// What some editors write before the text; it stays.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a config could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The file or its folder refuses.
    #[error("cannot write config `{}`: {source}", path.display())]
    Io {
        /// Path as the user gave it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is protected.
    #[error("cannot write config `{}`: it is read-only", path.display())]
    ReadOnly {
        /// Path as the user gave it.
        path: PathBuf,
    },
    /// Someone else wrote to it.
    #[error("config `{}` has changed since it was read: nothing was written", path.display())]
    Changed {
        /// Path as the user gave it.
        path: PathBuf,
    },
}

/// Writes `text` in place of the file that `source` was read from.
///
/// The path holds the old text or the new one, never a part: temporary file in the same folder,
/// sync, rename. Permissions stay, and a link stays a link.
///
/// # Errors
/// When the file is read-only, has changed since, or cannot be written.
pub fn write(source: &Source, text: &str) -> Result<(), WriteError> {
    let path = &source.path;
    let failed = |error| WriteError::Io { path: path.clone(), source: error };
    let target = fs::canonicalize(path).map_err(failed)?;
    let permissions = fs::metadata(&target).map_err(failed)?.permissions();
    if permissions.readonly() {
        return Err(WriteError::ReadOnly { path: path.clone() });
    }
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut new =
        tempfile::Builder::new().prefix(".olive-config-").tempfile_in(folder).map_err(failed)?;
    let old = fs::read(&target).map_err(failed)?;
    let (mark, old) = match old.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => (BYTE_ORDER_MARK, rest),
        None => (&b""[..], old.as_slice()),
    };
    if old != source.text.as_bytes() {
        return Err(WriteError::Changed { path: path.clone() });
    }
    new.write_all(&[mark, text.as_bytes()].concat()).map_err(failed)?;
    new.as_file().set_permissions(permissions).map_err(failed)?;
    new.as_file().sync_all().map_err(failed)?;
    new.persist(&target).map_err(|error| failed(error.error))?;
    sync_folder(folder).map_err(failed)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "only Unix opens folders")]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{WriteError, write};
    use crate::config::Source;

    #[test]
    fn a_file_changed_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        fs::write(&path, "{\"a\": 1}").unwrap();
        let source = Source { path: path.clone(), text: "{}".into() };
        assert!(matches!(write(&source, "{ }"), Err(WriteError::Changed { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\": 1}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("c.json"), folder.path().join("link.json"));
        fs::write(&path, "\u{feff}{}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("c.json", &link).unwrap();
        let source = Source { path: link.clone(), text: "{}".into() };
        write(&source, "{ }").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "\u{feff}{ }");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        let source = Source { path: link, text: "{ }".into() };
        assert!(matches!(write(&source, "{}"), Err(WriteError::ReadOnly { .. })));
    }
}
