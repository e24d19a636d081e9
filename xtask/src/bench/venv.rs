//! Virtual environments of peers, below `target`, each made once.

use std::path::PathBuf;
use std::process::Command;

use crate::command;
use crate::error::ChoreError;
use crate::workspace::target;

/// The interpreter of the environment `name`, with `packages`, which are installed when
/// `check` (a line of Python) fails.
pub(crate) fn python(name: &str, check: &str, packages: &[&str]) -> Result<PathBuf, ChoreError> {
    let folder = target().join("bench").join(name);
    let python = folder.join("bin/python");
    if !python.exists() {
        command::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    if command::output(Command::new(&python).args(["-c", check])).is_err() {
        println!("installing {} into {}", packages.join(", "), folder.display());
        let words = ["-m", "pip", "install", "--quiet"];
        command::run(Command::new(&python).args(words).args(packages))?;
    }
    Ok(python)
}
