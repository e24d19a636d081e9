//! A Slurm cluster of two nodes on this machine, for as long as the tests run.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::error::ChoreError;
use crate::workspace::{root, target};

/// Brings the cluster up; gives its folder.
///
/// It belongs to this target folder, so that tests of another one neither use it nor take it down.
/// Where Slurm is missing, root has it installed from the packages of Debian and its kin.
pub(super) fn up() -> Result<PathBuf, ChoreError> {
    let folder = target().join("slurm");
    let mut script = script("slurm-up.sh");
    script.env("SLURM_PORT_BASE", free_ports().to_string());
    command::output(script.arg(&folder).env("SLURM_INSTALL", if is_root() { "1" } else { "0" }))?;
    Ok(folder)
}

/// Takes the cluster down.
pub(super) fn down(folder: &Path) -> Result<(), ChoreError> {
    command::output(script("slurm-down.sh").arg(folder)).map(drop)
}

/// Whether packages can be installed.
pub(super) fn is_root() -> bool {
    command::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn script(name: &str) -> Command {
    let mut bash = Command::new("bash");
    bash.arg(root().join("tests/engines").join(name));
    bash
}

/// The first of three ports where nobody listens: of the controller and of both nodes.
fn free_ports() -> u16 {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
    let mut bases = (17_800..30_000).step_by(3);
    bases.find(|&base| (base..base + 3).all(is_free)).unwrap_or(17_800)
}
