//! Which packages lie in an output folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::error::PluginError;
use serde::{Deserialize, Serialize};

use crate::output::OutputError;
use crate::store::files::write_atomically;

/// File of the record in the output folder.
const FILE: &str = ".olive-packages.json";

/// The packages of a folder, by the path of each below it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record(BTreeMap<PathBuf, Packed>);

/// A package that was made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Packed {
    /// Digest of all that decides it.
    pub(super) key: String,
    /// Sizes of its files by their names below it; an empty name when it is one file.
    pub(super) files: BTreeMap<String, u64>,
}

impl Record {
    /// The record of the folder; one without packages when there is none.
    pub(super) fn read(output_dir: &Path) -> Self {
        let text = fs::read(output_dir.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Takes every package away but those that are whole and whose key `is_wanted`.
    pub(super) fn keep(
        &mut self,
        output_dir: &Path,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<(), OutputError> {
        let packages = std::mem::take(&mut self.0).into_iter();
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            packages.partition(|(name, packed)| {
                is_wanted(&packed.key) && packed.is_whole(output_dir, name)
            });
        self.0 = kept;
        if gone.is_empty() {
            return Ok(());
        }
        for name in gone.keys() {
            let path = output_dir.join(name);
            let source = remove(&path).err();
            if let Some(source) = source {
                return Err(OutputError::Io { action: "remove", path, source });
            }
        }
        self.write(output_dir)
    }

    /// Path of the package with this key, below the folder.
    pub(super) fn of_key(&self, key: &str) -> Option<&Path> {
        self.0.iter().find(|(_, packed)| packed.key == key).map(|(name, _)| name.as_path())
    }

    /// Adds the package that will lie at `name`.
    pub(super) fn add(
        &mut self,
        output_dir: &Path,
        name: PathBuf,
        packed: Packed,
    ) -> Result<(), PluginError> {
        self.0.insert(name, packed);
        self.write(output_dir).map_err(|error| PluginError::from_error("io", &error))
    }

    fn write(&self, output_dir: &Path) -> Result<(), OutputError> {
        let path = output_dir.join(FILE);
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        write_atomically(&path, &text).map_err(|source| OutputError::Io {
            action: "write",
            path,
            source,
        })
    }
}

impl Packed {
    fn is_whole(&self, output_dir: &Path, name: &Path) -> bool {
        let package = output_dir.join(name);
        self.files.iter().all(|(name, size_bytes)| {
            fs::metadata(below(&package, name)).is_ok_and(|found| found.len() == *size_bytes)
        })
    }
}

/// The file called `name` below `package`, which is that file when the name is empty.
pub(super) fn below(package: &Path, name: &str) -> PathBuf {
    if name.is_empty() { package.to_owned() } else { package.join(name) }
}

/// Removes what lies at `path`, if anything does.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
