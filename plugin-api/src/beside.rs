//! Which files of a model's folder are the model's, and what lies beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

/// File that says which result an output folder holds, and which files belong to it.
pub const RESULT: &str = ".olive-result.json";
/// File that says which files may be in an output folder while a result goes in.
pub const PLACING: &str = ".olive-placing.json";
/// File that lists the packages of an output folder.
pub const PACKAGES: &str = ".olive-packages.json";
/// Folder of an output folder that candidates of a search lie in, each in one of its own.
pub const CANDIDATES: &str = "candidates";
/// Files of the report that a run leaves beside its model, sorted.
pub const REPORT: [&str; 8] = [
    "footprint.json",
    "input_model_metrics.json",
    "metrics.json",
    "model_config.json",
    "output_footprint.json",
    "report.html",
    "run.json",
    "run_history.txt",
];

/// Names in the folder of a model that no copy of the model needs: hidden ones and, in the output
/// folder of a run, the run's report and packages.
///
/// Empty when the folder cannot be read.
pub fn beside_model(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut beside: BTreeSet<String> = names.filter(|name| name.starts_with('.')).collect();
    let is_output = |folder: &Path| [RESULT, PLACING].iter().any(|name| folder.join(name).exists());
    let is_candidate = folder
        .parent()
        .is_some_and(|above| above.ends_with(CANDIDATES) && above.parent().is_some_and(is_output));
    if is_output(folder) || is_candidate {
        beside.insert(CANDIDATES.to_owned());
        beside.extend(REPORT.map(str::to_owned));
        beside.extend(packages(folder));
    }
    beside
}

/// Names of the files of the model at `path`, sorted, with `/` between parts: all but hidden ones
/// and what [lies beside](beside_model) it. One empty name when `path` is a file.
///
/// # Errors
/// When a folder cannot be read.
pub fn model_files(path: &Path) -> io::Result<Vec<String>> {
    if path.is_file() {
        return Ok(vec![String::new()]);
    }
    let mut files = Vec::new();
    walk(path, "", &beside_model(path), &mut files)?;
    files.sort();
    Ok(files)
}

fn packages(folder: &Path) -> impl Iterator<Item = String> {
    let text = fs::read(folder.join(PACKAGES)).unwrap_or_default();
    let packages: BTreeMap<String, Value> = serde_json::from_slice(&text).unwrap_or_default();
    packages.into_keys()
}

fn walk(
    folder: &Path,
    below: &str,
    beside: &BTreeSet<String>,
    files: &mut Vec<String>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || beside.contains(&*name) {
            continue;
        }
        let name = format!("{below}{name}");
        if path.is_dir() {
            walk(&path, &format!("{name}/"), &BTreeSet::new(), files)?;
        } else {
            files.push(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::{env, process};

    use super::{PACKAGES, RESULT, beside_model, model_files};

    /// A folder that is gone with this.
    struct Folder(PathBuf);

    impl Folder {
        fn with(files: &[(&str, &str)]) -> Self {
            let folder = env::temp_dir().join(format!("olive-beside-{}", process::id()));
            for (name, text) in files {
                let path = folder.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_of_a_model_is_neither_hidden_nor_of_a_run() {
        let files = [
            (".env", ""),
            ("a.zip", ""),
            ("candidates/2/metrics.json", ""),
            ("candidates/2/model.onnx", ""),
            ("deep/.cache/lock", ""),
            ("deep/a.zip", ""),
            ("model.onnx", ""),
            ("run.json", ""),
        ];
        let folder = Folder::with(&files);
        let names = |below: &str| model_files(&folder.0.join(below)).unwrap();
        let visible = [
            "a.zip",
            "candidates/2/metrics.json",
            "candidates/2/model.onnx",
            "deep/a.zip",
            "model.onnx",
            "run.json",
        ];
        assert_eq!(names(""), visible);
        assert!(beside_model(&folder.0).iter().eq([".env"]));

        fs::write(folder.0.join(RESULT), "{}").unwrap();
        fs::write(folder.0.join(PACKAGES), r#"{"a.zip": {"key": ""}}"#).unwrap();
        assert_eq!(names(""), ["deep/a.zip", "model.onnx"]);
        assert_eq!(names("candidates/2"), ["model.onnx"]);
        assert_eq!(names("model.onnx"), [""]);
        assert!(model_files(Path::new("/nowhere")).is_err());
        assert!(beside_model(Path::new("/nowhere")).is_empty());
    }
}
