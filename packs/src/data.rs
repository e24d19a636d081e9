//! Small files of the user's data: read whole, written whole or not at all, changed by one command
//! at a time.

use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::PackError;
use crate::durable::{self, Mode};

/// Held while something of the user's data is changed; given back when dropped.
#[derive(Debug)]
pub(crate) struct Changing {
    scratch: PathBuf,
    _lock: File,
}

impl Changing {
    /// Waits until no other command changes the data at `data_home`.
    pub(crate) fn begin(data_home: &Path) -> Result<Self, PackError> {
        let scratch = data_home.join("tmp");
        durable::create_folders(&scratch)?;
        let path = data_home.join("lock");
        let lock = durable::open_lock(&path)?;
        lock.lock().map_err(PackError::io("lock", &path))?;
        // What a command that was killed has left.
        for entry in fs::read_dir(&scratch).map_err(PackError::io("read", &scratch))? {
            durable::remove_file(&entry.map_err(PackError::io("read", &scratch))?.path())?;
        }
        Ok(Self { scratch, _lock: lock })
    }

    /// Puts `content` at `path`.
    pub(crate) fn write(&self, path: &Path, content: &[u8]) -> Result<(), PackError> {
        path.parent().map_or(Ok(()), durable::create_folders)?;
        durable::replace(path, &self.scratch, content, Mode::Private)
    }

    /// Puts `value` at `path`, as JSON.
    pub(crate) fn write_json(&self, path: &Path, value: &impl Serialize) -> Result<(), PackError> {
        self.write(path, json(value)?.as_bytes())
    }

    /// Removes what is at `path`, if anything is.
    #[expect(clippy::unused_self, reason = "only who holds the lock may")]
    pub(crate) fn remove(&self, path: &Path) -> Result<(), PackError> {
        if path.exists() { durable::remove_file(path) } else { Ok(()) }
    }
}

/// What `look` sees at `path`, if anything is there.
pub(crate) fn if_there<T>(
    path: &Path,
    look: impl FnOnce(&Path) -> io::Result<T>,
) -> Result<Option<T>, PackError> {
    match look(path) {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PackError::io("read", path)(error)),
    }
}

/// The text of a file, if it is there.
pub(crate) fn read(path: &Path) -> Result<Option<String>, PackError> {
    if_there(path, |path| fs::read_to_string(path))
}

/// What a JSON file says, if it is there.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, PackError> {
    let Some(text) = read(path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let message = format!("`{}` cannot be understood: {error}", path.display());
        PackError::refused("pack-data", message)
    })
}

/// JSON as it is written everywhere: indented, with a line break at the end.
pub(crate) fn json(value: &impl Serialize) -> Result<String, PackError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| {
        PackError::refused("pack-data", format!("this cannot be written as JSON: {error}"))
    })?;
    Ok(text + "\n")
}

/// Hexadecimal digits in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether `text` is a SHA-256 as it is written everywhere: 64 hexadecimal digits in lower case.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Changing, read_json};

    #[test]
    fn a_change_sweeps_what_a_killed_one_has_left() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b.json");
        Changing::begin(home.path()).unwrap().write_json(&path, &[1, 2]).unwrap();
        fs::write(home.path().join("tmp/left"), "half").unwrap();
        Changing::begin(home.path()).unwrap().write_json(&path, &[3]).unwrap();
        assert_eq!(read_json::<Vec<u32>>(&path).unwrap(), Some(vec![3]));
        assert_eq!(fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn changes_wait_for_one_another() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("counter.json");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let change = Changing::begin(home.path()).unwrap();
                    let count = read_json::<u32>(&path).unwrap().unwrap_or_default();
                    change.write_json(&path, &(count + 1)).unwrap();
                });
            }
        });
        assert_eq!(read_json::<u32>(&path).unwrap(), Some(8));
    }
}
