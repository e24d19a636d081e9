//! Node's package client.

use std::path::Path;
use std::process::Command;

use crate::command;
use crate::error::ChoreError;
use crate::fetch::client::is_answering;

/// Version of the language servers of VS Code as one package.
pub(crate) const LANGUAGE_SERVERS_VERSION: &str = "4.10.0";
/// Version of Azurite, Microsoft's own server of blobs for tests.
pub(crate) const AZURITE_VERSION: &str = "3.35.0";

/// The Node.js that runs scripts, if it answers and has its package client beside it.
pub(crate) fn node() -> Result<&'static str, ChoreError> {
    let answers = |name: &&str| is_answering(Command::new(name).arg("--version"));
    if ["node", "npm"].iter().all(answers) { Ok("node") } else { Err(ChoreError::NoNode) }
}

/// Installs `package` with what it depends on into `folder`; no script of a package runs.
pub(crate) fn install(package: &str, folder: &Path) -> Result<(), ChoreError> {
    node()?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]);
    command::output(npm.arg(folder).arg(package)).map(drop)
}
