//! Trying plugins in a process apart, whose home, temporary and working directories are watched.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::world::{variables, work_folder};
use crate::home::cache_home;

/// This program, about to try plugins in folders that are gone when it is dropped.
pub struct Apart {
    /// `olive plugin test`, yet to be started.
    pub command: Command,
    _root: TempDir,
}

/// A process that tries the plugins at `paths`, with the cases of the file `cases`; it tells checks
/// as text, or one JSON object a line.
///
/// # Errors
/// When there is no place for its folders.
pub fn apart(paths: &[PathBuf], cases: Option<&Path>, is_json: bool) -> io::Result<Apart> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().canonicalize()?;
    for (_, folder) in variables(&root) {
        fs::create_dir_all(folder)?;
    }
    let work = work_folder(&root);
    fs::create_dir_all(&work)?;
    let mut command = Command::new(env::current_exe()?);
    command.args(["plugin", "test"]);
    for path in paths {
        command.arg(std::path::absolute(path)?);
    }
    if let Some(cases) = cases {
        command.arg("--cases").arg(std::path::absolute(cases)?);
    }
    if is_json {
        command.arg("--json");
    }
    command.arg("--inside").arg(&root);
    command.env("OLIVE_CACHE_HOME", std::path::absolute(cache_home())?);
    if let Some(user_base) = python_user_base() {
        command.env("PYTHONUSERBASE", user_base);
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.envs(variables(&root)).current_dir(work);
    Ok(Apart { command, _root: folder })
}

/// Where packages that a user installed for Python are, which moves with `HOME` unless it is said.
fn python_user_base() -> Option<PathBuf> {
    if env::var_os("PYTHONUSERBASE").is_some() {
        return None;
    }
    Some(PathBuf::from(env::var_os("HOME")?).join(".local"))
}
