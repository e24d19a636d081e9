//! A Python environment, and the variables that make it the one in use.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::config::PythonEnvironmentConfig;
use crate::error::EnvironmentError;

/// Names of the folder of programs in an environment.
const FOLDERS: [&str; 3] = ["", "bin", "Scripts"];
/// Names of an interpreter.
const PROGRAMS: [&str; 3] = ["python", "python3", "python.exe"];
/// Files of an environment, and the variable that names its folder.
const MARKS: [(&str, &str); 2] = [("pyvenv.cfg", "VIRTUAL_ENV"), ("conda-meta", "CONDA_PREFIX")];

/// A Python environment.
pub(super) struct Environment {
    /// Folder of its programs.
    folder: PathBuf,
    /// Its interpreter.
    pub(super) python: PathBuf,
}

impl Environment {
    /// The environment that `config` names.
    pub(super) fn find(config: &PythonEnvironmentConfig) -> Result<Self, EnvironmentError> {
        let path = &config.python_environment_path;
        let folders = FOLDERS.iter().map(|name| path.join(name));
        let mut found = folders.flat_map(|folder| {
            PROGRAMS.map(|name| Self { python: folder.join(name), folder: folder.clone() })
        });
        found.find(|one| one.python.is_file()).ok_or_else(|| EnvironmentError::Setting {
            pointer: "/python_environment_path".into(),
            problem: format!("there is no `python` in `{}`", path.display()),
            help: format!(
                "name the folder of an environment, or make one: `python3 -m venv {}`",
                path.display()
            ),
        })
    }

    /// Variables of a process in the environment; one without a value is taken away.
    pub(super) fn variables(
        &self,
        config: &PythonEnvironmentConfig,
    ) -> BTreeMap<String, Option<OsString>> {
        let others = env::var_os("PATH").unwrap_or_default();
        let own: PathBuf = self.folder.components().collect();
        let folders = iter::once(own).chain(config.prepend_to_path.iter().cloned());
        let path = env::join_paths(folders.chain(env::split_paths(&others))).unwrap_or(others);
        let mut variables = BTreeMap::from([
            ("PATH".to_owned(), Some(path)),
            // It would lead the interpreter to the library of another one.
            ("PYTHONHOME".to_owned(), None),
        ]);
        variables.extend(self.root().map(|(name, root)| (name.to_owned(), Some(root.into()))));
        let given = config.environment_variables.iter();
        variables.extend(given.map(|(name, value)| (name.clone(), Some(value.into()))));
        variables
    }

    /// A command of its interpreter.
    pub(super) fn command(&self, config: &PythonEnvironmentConfig) -> Command {
        let mut command = Command::new(&self.python);
        surround(&mut command, &self.variables(config));
        command
    }

    /// The environment's own folder, and the variable that names it.
    fn root(&self) -> Option<(&'static str, &Path)> {
        let places = [Some(self.folder.as_path()), self.folder.parent()];
        let mut found = places.into_iter().flatten().flat_map(|root| {
            MARKS
                .iter()
                .filter(move |(mark, _)| root.join(mark).exists())
                .map(move |it| (it.1, root))
        });
        found.next()
    }
}

/// Gives `command` these variables.
pub(super) fn surround(command: &mut Command, variables: &BTreeMap<String, Option<OsString>>) {
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::json;

    use super::{Environment, PythonEnvironmentConfig};

    fn config(path: &Path) -> PythonEnvironmentConfig {
        serde_json::from_value(json!({
            "python_environment_path": path,
            "prepend_to_path": ["/first", "/second"],
            "environment_variables": {"WORD": "said"}
        }))
        .unwrap()
    }

    #[test]
    fn an_environment_is_found_by_its_folder_or_that_of_its_programs() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("bin");
        fs::create_dir(&folder).unwrap();
        let error = Environment::find(&config(root.path())).err().unwrap();
        assert!(error.to_string().starts_with("there is no `python` in `/"), "{error}");
        fs::write(folder.join("python3"), "").unwrap();
        fs::write(root.path().join("pyvenv.cfg"), "").unwrap();
        for path in [root.path(), &folder] {
            let environment = Environment::find(&config(path)).unwrap();
            assert_eq!(environment.python, folder.join("python3"));
            let variables = environment.variables(&config(path));
            let path = variables["PATH"].clone().unwrap();
            let first: Vec<PathBuf> = env::split_paths(&path).take(3).collect();
            assert_eq!(first, [folder.clone(), "/first".into(), "/second".into()]);
            assert_eq!(variables["VIRTUAL_ENV"].as_deref(), Some(root.path().as_os_str()));
            assert_eq!(variables["PYTHONHOME"], None);
            assert_eq!(variables["WORD"], Some("said".into()));
        }
    }
}
