//! The files that a step reads: the same before and after, or its result is not kept.
//!
//! The key of a step says which content it has seen. A file that changes meanwhile, by the plugin's
//! hand or another's, would make that a lie. Content is not read again: a change is told by size,
//! time, number and mode of a file.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use olive_schemas::step::{StepKind, StepRequest};
use olive_schemas::types;

use crate::config::references::{PATH, marked};

/// The files a step reads, as they were.
pub(super) struct Inputs {
    roots: Vec<PathBuf>,
    files: BTreeMap<PathBuf, State>,
}

/// A file that is not as it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) path: PathBuf,
    pub(super) what: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
struct State {
    size: u64,
    modified: Option<SystemTime>,
    /// Number of the file and its mode, where there are such.
    identity: (u64, u32),
}

impl Inputs {
    /// The files of the model, of models it is compared with, and of the data of `request`, as they are now.
    pub(super) fn of(request: &StepRequest) -> Self {
        let model = [Some(&request.input.model_path), request.input.adapter_path.as_ref()];
        let data = request.data_configs.values();
        let data = data.flat_map(|data| &data.load_dataset_config.data_files);
        let mut roots: Vec<PathBuf> = model.into_iter().flatten().chain(data).cloned().collect();
        roots.extend(references(request));
        let files = look(&roots);
        Self { roots, files }
    }

    /// The first file that has changed since.
    pub(super) fn change(&self) -> Option<Change> {
        let now = look(&self.roots);
        let change = |path: &Path, what| Some(Change { path: path.to_owned(), what });
        for (path, state) in &self.files {
            match now.get(path) {
                None => return change(path, "is gone"),
                Some(found) if found != state => return change(path, "is not as it was"),
                Some(_) => {}
            }
        }
        let new = now.keys().find(|path| !self.files.contains_key(*path));
        new.and_then(|path| change(path, "is new"))
    }
}

/// Models that an evaluation compares its model with.
///
/// Those are the paths that its config marks as inputs.
pub(super) fn references(request: &StepRequest) -> Vec<PathBuf> {
    if request.kind != StepKind::Evaluate {
        return Vec::new();
    }
    let places = marked(&request.config, types::evaluator(), PATH, "input");
    let paths = places.iter().filter_map(|place| request.config.pointer(place)?.as_str());
    paths.map(PathBuf::from).collect()
}

fn look(roots: &[PathBuf]) -> BTreeMap<PathBuf, State> {
    let mut files = BTreeMap::new();
    for root in roots {
        if root.is_dir() {
            enter(root, &mut files);
        } else if let Ok(metadata) = fs::metadata(root) {
            files.insert(root.clone(), State::of(&metadata));
        }
    }
    files
}

/// Notes every visible file below `folder`; links to folders are noted, not followed.
fn enter(folder: &Path, files: &mut BTreeMap<PathBuf, State>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            enter(&path, files);
        } else if let Ok(metadata) = fs::metadata(&path) {
            files.insert(path, State::of(&metadata));
        }
    }
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u32) {
    use std::os::unix::fs::MetadataExt;
    (metadata.ino(), metadata.mode())
}

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> (u64, u32) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Inputs, look};

    /// What `act` changes in a folder with `a`, `b/c` and `.hidden`: the file and how.
    fn change(act: impl FnOnce(&Path)) -> Option<(String, &'static str)> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("b")).unwrap();
        for name in ["a", "b/c", ".hidden"] {
            fs::write(root.join(name), name).unwrap();
        }
        let roots = vec![root.to_owned()];
        let inputs = Inputs { files: look(&roots), roots };
        act(root);
        let change = inputs.change()?;
        let path = change.path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        Some((path, change.what))
    }

    #[test]
    fn every_change_of_a_visible_file_is_seen() {
        assert_eq!(change(|_| {}), None);
        assert_eq!(change(|root| fs::write(root.join(".hidden"), "other").unwrap()), None);
        assert_eq!(
            change(|root| fs::remove_file(root.join("b/c")).unwrap()),
            Some(("b/c".into(), "is gone"))
        );
        assert_eq!(
            change(|root| fs::remove_dir_all(root.join("b")).unwrap()),
            Some(("b/c".into(), "is gone"))
        );
        assert_eq!(
            change(|root| fs::write(root.join("a"), "longer").unwrap()),
            Some(("a".into(), "is not as it was"))
        );
        assert_eq!(
            change(|root| fs::write(root.join("b/d"), "d").unwrap()),
            Some(("b/d".into(), "is new"))
        );
    }
}
