//! Engines of containers on this machine, for as long as the tests run.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::error::ChoreError;
use crate::workspace::{root, target};

/// Bytes of the path of the engines' folder at most: sockets far below it have at most 104.
const LONGEST: usize = 64;

/// Brings a Docker daemon up, and Podman where it runs; gives their folder.
///
/// They belong to this target folder, so that tests of another one neither use nor end them. Where
/// they are missing, root has them installed from the packages of Debian and its kin.
pub(super) fn up() -> Result<PathBuf, ChoreError> {
    let mut folder = target().join("containers");
    if folder.as_os_str().len() > LONGEST {
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        folder = env::temp_dir().join(format!("olive-containers-{:016x}", hasher.finish()));
    }
    command::output(script("containers-up.sh").arg(&folder).env("CONTAINERS_INSTALL", "1"))?;
    Ok(folder)
}

/// Takes them down.
pub(super) fn down(folder: &Path) -> Result<(), ChoreError> {
    command::output(script("containers-down.sh").arg(folder)).map(drop)
}

fn script(name: &str) -> Command {
    let mut bash = Command::new("bash");
    bash.arg(root().join("tests/engines").join(name));
    bash
}
