//! A Slurm cluster of two nodes on this machine, for as long as the tests run.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::error::ChoreError;
use crate::workspace::{cache_home, root};

/// Brings the cluster up; gives its folder.
///
/// Where Slurm is missing, root has it installed from the packages of Debian and its kin.
pub(super) fn up() -> Result<PathBuf, ChoreError> {
    let folder = cache_home()?.join("slurm");
    let mut script = script("slurm-up.sh");
    command::output(script.arg(&folder).env("SLURM_INSTALL", if is_root() { "1" } else { "0" }))?;
    Ok(folder)
}

/// Takes the cluster down.
pub(super) fn down(folder: &Path) -> Result<(), ChoreError> {
    command::output(script("slurm-down.sh").arg(folder)).map(drop)
}

fn script(name: &str) -> Command {
    let mut bash = Command::new("bash");
    bash.arg(root().join("tests/engines").join(name));
    bash
}

fn is_root() -> bool {
    command::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
