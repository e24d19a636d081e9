//! What is to be tried: built plugins, and the file with their cases.

use std::env::consts::DLL_SUFFIX;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::conformance::ConformanceFile;
use olive_schemas::protocol::Callee;
use thiserror::Error;

use crate::plugin::{Catalog, InstalledPlugin};

/// Name of the file with cases.
const CASES: &str = "conformance.json";
/// Folder that `olive plugin build` fills.
const BUILT: &str = "dist";
/// Ending of a process plugin's manifest.
const MANIFEST: &str = ".plugin.json";
/// Ending of a component.
const COMPONENT: &str = ".wasm";

/// Built plugins and what they are tried with.
#[derive(Debug)]
pub struct Subject {
    /// The files of the plugins: libraries, components, manifests.
    pub plugins: Vec<PathBuf>,
    /// Their cases; none when there is no such file.
    pub cases: ConformanceFile,
    /// Folder that paths of cases start at.
    pub folder: PathBuf,
    /// The plugin through which passes of components are tried.
    pub graph_editor: Option<Callee>,
}

/// Why there is nothing to try.
#[derive(Debug, Error)]
pub enum SubjectError {
    /// Something cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no plugin.
    #[error("`{}` is neither a library (`{DLL_SUFFIX}`), nor a component (`{COMPONENT}`), nor a \
             manifest (`{MANIFEST}`)", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// The folder holds no built plugin.
    #[error("`{}` holds no built plugin; build it first: olive plugin build {}",
            path.display(), path.display())]
    NotBuilt {
        /// The folder.
        path: PathBuf,
    },
    /// The cases are not as they should be.
    #[error("cases `{}`: {why}", path.display())]
    Cases {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Subject {
    /// The plugin files at `paths`, or the built plugins of folders there, with the cases in the
    /// file `cases`, else in `conformance.json` beside the first plugin or its `dist` folder.
    ///
    /// # Errors
    /// When nothing there is a plugin, or the cases cannot be read.
    pub fn find(paths: &[PathBuf], cases: Option<&Path>) -> Result<Self, SubjectError> {
        let (mut plugins, mut homes) = (Vec::new(), Vec::new());
        for path in paths {
            let path = canonical(path)?;
            if path.is_dir() {
                plugins.extend(built(&path)?);
                homes.push(path);
            } else if is_plugin(&path) {
                homes.push(home(&path));
                plugins.push(path);
            } else {
                return Err(SubjectError::Unknown { path });
            }
        }
        let home = homes.into_iter().next().unwrap_or_default();
        let cases = match cases {
            Some(cases) => canonical(cases)?,
            None => home.join(CASES),
        };
        let folder = cases.parent().unwrap_or(&home).to_owned();
        let cases = if cases.exists() { read(&cases)? } else { ConformanceFile::default() };
        Ok(Self { plugins, cases, folder, graph_editor: None })
    }

    /// The same, with the graph editor of `catalog` for components.
    #[must_use]
    pub fn with_graph_editor(self, catalog: &Catalog) -> Self {
        Self { graph_editor: catalog.graph_editor().map(InstalledPlugin::callee), ..self }
    }

    /// Whether there is a component among the plugins.
    pub fn has_components(&self) -> bool {
        self.plugins.iter().any(|plugin| is_component(plugin))
    }
}

/// Whether the file at `path` is a component.
pub(super) fn is_component(path: &Path) -> bool {
    path.to_string_lossy().ends_with(COMPONENT)
}

/// Whether the file at `path` is the manifest of a process plugin.
pub(super) fn is_manifest(path: &Path) -> bool {
    path.to_string_lossy().ends_with(MANIFEST)
}

fn is_plugin(path: &Path) -> bool {
    path.is_file()
        && (path.to_string_lossy().ends_with(DLL_SUFFIX) || is_component(path) || is_manifest(path))
}

/// Plugins in the folder's `dist`, else in the folder itself, sorted by name.
fn built(folder: &Path) -> Result<Vec<PathBuf>, SubjectError> {
    for place in [folder.join(BUILT), folder.to_owned()] {
        let Ok(entries) = fs::read_dir(&place) else { continue };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut plugins: Vec<PathBuf> = paths.filter(|path| is_plugin(path)).collect();
        plugins.sort();
        if !plugins.is_empty() {
            return Ok(plugins);
        }
    }
    Err(SubjectError::NotBuilt { path: folder.to_owned() })
}

/// The folder of a plugin whose file is at `path`: the one above, or above `dist`.
fn home(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(path);
    let above = if folder.ends_with(BUILT) { folder.parent() } else { None };
    above.unwrap_or(folder).to_owned()
}

fn read(path: &Path) -> Result<ConformanceFile, SubjectError> {
    let wrong = |why: String| SubjectError::Cases { path: path.to_owned(), why };
    let bytes =
        fs::read(path).map_err(|source| SubjectError::Io { path: path.to_owned(), source })?;
    let file: ConformanceFile =
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    for (index, case) in file.cases.iter().enumerate() {
        let models = [&case.pass, &case.evaluator, &case.generator];
        let others = [&case.source, &case.system, &case.previewer, &case.packager];
        let named = models.into_iter().chain(others).flatten().count();
        let named = named + usize::from(case.document.is_some());
        if named != 1 {
            let place = format!("/cases/{index}");
            return Err(wrong(format!(
                "`{place}` names {named} of `pass`, `evaluator`, `generator`, `source`, \
                 `system`, `previewer`, `packager` and `document`; one is needed"
            )));
        }
    }
    Ok(file)
}

fn canonical(path: &Path) -> Result<PathBuf, SubjectError> {
    path.canonicalize().map_err(|source| SubjectError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::env::consts::DLL_SUFFIX;
    use std::fs;
    use std::path::Path;

    use super::Subject;

    fn check(files: &[(&str, &str)], path: &str, expected: Result<(&[&str], usize), &str>) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (name, text) in files {
            let file = root.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        match (Subject::find(&[root.join(path)], None), expected) {
            (Ok(subject), Ok((plugins, cases))) => {
                let below = |path: &Path| path.strip_prefix(&root).unwrap().to_owned();
                let found: Vec<_> = subject.plugins.iter().map(|path| below(path)).collect();
                assert_eq!(found, plugins.iter().map(Path::new).collect::<Vec<_>>());
                assert_eq!(subject.cases.cases.len(), cases);
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn plugins_are_found_with_their_cases() {
        let cases = r#"{"cases": [{"pass": "A"}]}"#;
        let library = format!("dist/liba{DLL_SUFFIX}");
        let both = [(library.as_str(), ""), ("conformance.json", cases), ("b.wasm", "")];
        check(&both, "", Ok((&[&library], 1)));
        check(&both, &library, Ok((&[&library], 1)));
        check(&both, "b.wasm", Ok((&["b.wasm"], 1)));
        check(&[("b.wasm", ""), ("a.plugin.json", "")], "", Ok((&["a.plugin.json", "b.wasm"], 0)));
    }

    #[test]
    fn what_cannot_be_tried_is_told_with_the_way_out() {
        check(&[("src/lib.rs", "")], "", Err("build it first: olive plugin build"));
        check(&[("notes.txt", "")], "notes.txt", Err("is neither a library"));
        check(&[], "nowhere", Err("cannot read"));
        let two = r#"{"cases": [{"pass": "A", "source": "B"}]}"#;
        let files = [("a.wasm", ""), ("conformance.json", two)];
        check(&files, "", Err("`/cases/0` names 2 of"));
        let files = [("a.wasm", ""), ("conformance.json", r#"{"case": []}"#)];
        check(&files, "", Err("unknown field `case`"));
    }
}
