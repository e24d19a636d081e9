//! The components of `plugins/`, built by the program's own `olive plugin build`.
//!
//! That command finds a tool chain on most machines; where it finds none, the components are left
//! out and what needs them is skipped.

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::command;
use crate::error::ChoreError;
use crate::workspace::{Profile, component, components, root};

/// Exit code of `olive plugin build` when this machine lacks a tool.
const NO_TOOL: i32 = 12;

/// Builds the program and all components beside it.
///
/// Where they cannot be built, the last line is `skipped: N components: why`.
pub(crate) fn run(release: bool) -> Result<(), ChoreError> {
    let profile = if release { Profile::Release } else { Profile::Dev };
    // Of the workspace, so that its dependencies are built with the features that tests have.
    let mut cargo = command::cargo(&["build", "--workspace", "--bin", "olive"]);
    if release {
        cargo.arg("--release");
    }
    command::run(&mut cargo)?;
    build(profile).map(drop)
}

/// Builds all components with the program of `profile`, beside it; tells how many it could not.
pub(crate) fn build(profile: Profile) -> Result<usize, ChoreError> {
    let mut skipped = 0;
    for name in components()? {
        let start = Instant::now();
        let mut olive = Command::new(profile.program());
        olive.args(["plugin", "build"]).arg(format!("plugins/{name}")).current_dir(root());
        match command::run(olive.arg("--out").arg(profile.folder())) {
            Ok(()) => println!("{name}: {:.1} s", start.elapsed().as_secs_f64()),
            Err(ChoreError::Failed { status, .. }) if status.code() == Some(NO_TOOL) => {
                // One of an earlier build would be taken for this one's.
                let _ = fs::remove_file(profile.folder().join(component(&name)));
                skipped += 1;
            }
            Err(error) => return Err(error),
        }
    }
    if skipped > 0 {
        println!("skipped: {skipped} components: no tool chain for WebAssembly, as said above");
    }
    Ok(skipped)
}
