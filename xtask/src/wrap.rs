//! Packs of execution providers that others ship as Python packages.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::command;
use crate::error::ChoreError;
use crate::fetch::{self, Provider};
use crate::workspace::{Profile, target};

/// What to wrap, and where to.
#[derive(Debug, Args)]
pub(crate) struct WrapArgs {
    /// The execution provider.
    #[arg(value_enum)]
    provider: Provider,
    /// Folder for the pack; `target/dist/packs` when left out.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Secret key that signs the pack.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Fetches the package and makes a pack of it, for machines such as this one.
pub(crate) fn run(args: &WrapArgs) -> Result<(), ChoreError> {
    let folder = fetch::provider(args.provider)?;
    command::run(&mut command::cargo(&["build", "--package", "olive"]))?;
    let out = args.out.clone().unwrap_or_else(|| target().join("dist/packs"));
    std::fs::create_dir_all(&out).map_err(ChoreError::file("create", &out))?;
    let mut olive = Command::new(Profile::Dev.program());
    olive.args(["plugin", "pack"]).arg(&folder).arg("--out").arg(&out);
    if let Some(key) = &args.key {
        olive.arg("--key").arg(key);
    }
    command::run(&mut olive)
}
