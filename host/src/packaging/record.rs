//! Which packages lie in an output folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use olive_plugin_api::beside::PACKAGES;
use olive_schemas::error::PluginError;
use serde::{Deserialize, Serialize};

use crate::output::{OutputError, drop_empty, stands};
use crate::store::files::{is_there, remove, write_atomically};

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
    ///
    /// What names something outside of the folder is none of ours and left out: the file may come
    /// from anywhere.
    pub(super) fn read(output_dir: &Path) -> Self {
        let text = fs::read(output_dir.join(PACKAGES)).unwrap_or_default();
        let mut record: Self = serde_json::from_slice(&text).unwrap_or_default();
        record.0.retain(|name, packed| is_name(name) && packed.is_inside());
        record
    }

    /// Takes every package away but those that are whole and whose key `is_wanted`; what a user has
    /// put into one stays.
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
        for (name, packed) in &gone {
            packed.remove(&output_dir.join(name))?;
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
        let path = output_dir.join(PACKAGES);
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        write_atomically(&path, &text).map_err(|source| OutputError::Io {
            action: "write",
            path,
            source,
        })
    }
}

impl Packed {
    /// Whether everything is there; a small file may have been edited.
    fn is_whole(&self, output_dir: &Path, name: &Path) -> bool {
        let package = output_dir.join(name);
        self.files.iter().all(|(name, size_bytes)| stands(&below(&package, name), *size_bytes))
    }

    /// Whether every file lies in the package, or is the package.
    fn is_inside(&self) -> bool {
        let is_alone = self.files.len() == 1;
        self.files.keys().all(|name| if name.is_empty() { is_alone } else { is_below(name) })
    }

    /// Removes the files from `package`, and the folders that are empty then.
    fn remove(&self, package: &Path) -> Result<(), OutputError> {
        // A link is a user's, and so is what it leads to.
        let folder = |path: &Path| path.parent().and_then(|it| it.canonicalize().ok());
        for name in self.files.keys() {
            let path = below(package, name);
            if !is_there(&path) || folder(&path).as_deref() != path.parent() {
                continue;
            }
            remove(&path).map_err(|source| OutputError::Io { action: "remove", path, source })?;
        }
        if package.is_dir() && !package.is_symlink() {
            drop_empty(package);
        }
        Ok(())
    }
}

/// The file called `name` below `package`, which is that file when the name is empty.
pub(super) fn below(package: &Path, name: &str) -> PathBuf {
    if name.is_empty() { package.to_owned() } else { package.join(name) }
}

/// Whether `path` is the name of something right in a folder.
fn is_name(path: &Path) -> bool {
    let mut parts = path.components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

/// Whether `name` stays below the folder that it is joined to.
fn is_below(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::{PACKAGES, Record};

    /// What lies in a folder and beside it when a record of a package `name` with a file `file` is
    /// read there, and no package is wanted.
    fn left(name: &str, file: &str) -> Vec<String> {
        let around = tempfile::tempdir().unwrap();
        let around = around.path().canonicalize().unwrap();
        let name = name.replace("AROUND", &around.to_string_lossy());
        let file = file.replace("AROUND", &around.to_string_lossy());
        let output = around.join("out");
        fs::create_dir_all(output.join("p")).unwrap();
        for path in [around.join("mine"), output.join("weights"), output.join("p/list")] {
            fs::write(path, "text").unwrap();
        }
        let record = json!({name: {"key": "k", "files": {file: 4}}});
        fs::write(output.join(PACKAGES), record.to_string()).unwrap();
        Record::read(&output).keep(&output, |_| false).unwrap();
        let known = ["mine", "out/weights", "out/p/list"];
        known.into_iter().filter(|name| around.join(name).exists()).map(str::to_owned).collect()
    }

    #[test]
    fn a_record_that_leads_out_of_its_folder_removes_nothing() {
        let all = ["mine", "out/weights", "out/p/list"];
        assert_eq!(left("p", "list"), all[..2]);
        assert_eq!(left("weights", ""), ["mine", "out/p/list"]);
        for (name, file) in [
            ("AROUND/mine", ""),
            ("../mine", ""),
            ("p/../../mine", ""),
            ("..", "mine"),
            (".", "weights"),
            ("p", "../weights"),
            ("p", "AROUND/mine"),
            ("p/list", ""),
        ] {
            assert_eq!(left(name, file), all, "{name} {file}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_a_link_leads_to_stays() {
        let around = tempfile::tempdir().unwrap();
        let around = around.path().canonicalize().unwrap();
        let output = around.join("out");
        for folder in [around.join("mine"), output.clone()] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(around.join("mine/list"), "text").unwrap();
        std::os::unix::fs::symlink(around.join("mine"), output.join("p")).unwrap();
        let record = json!({"p": {"key": "k", "files": {"list": 4}}});
        fs::write(output.join(PACKAGES), record.to_string()).unwrap();
        Record::read(&output).keep(&output, |_| false).unwrap();
        assert!(around.join("mine/list").exists() && output.join("p").exists());
    }
}
