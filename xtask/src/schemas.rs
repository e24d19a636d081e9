//! The published schemas and the options page, made again from the built-in plugins.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::error::ChoreError;
use crate::workspace::{Profile, plugin_library, plugins, root};

/// Builds the program and all plugins, and writes `schemas/generated` and `docs/options.md`.
pub(crate) fn run() -> Result<(), ChoreError> {
    build()?;
    let stage = Profile::Dev.folder().join("schemas-stage");
    let program = install(&stage)?;
    let generated = root().join("schemas/generated");
    let fresh = root().join("schemas/.generated");
    remove(&fresh)?;
    command::run(Command::new(&program).args(["schema", "--all"]).arg(&fresh))?;
    remove(&generated)?;
    fs::rename(&fresh, &generated).map_err(ChoreError::file("write", &generated))?;
    let page = root().join("docs/options.md");
    command::run(Command::new(&program).args(["schema", "--docs", "--out"]).arg(&page))?;
    remove(&stage)?;
    println!("wrote {} and {}", generated.display(), page.display());
    Ok(())
}

fn build() -> Result<(), ChoreError> {
    let mut cargo = command::cargo(&["build", "--package", "olive"]);
    for plugin in plugins()? {
        cargo.args(["--package", &format!("olive-plugin-{plugin}")]);
    }
    command::run(&mut cargo)
}

/// Puts the program into `folder` with the plugins of this workspace and no others beside it.
fn install(folder: &Path) -> Result<PathBuf, ChoreError> {
    remove(folder)?;
    fs::create_dir_all(folder).map_err(ChoreError::file("create", folder))?;
    let built = Profile::Dev.program();
    let program = folder.join(built.file_name().unwrap_or_default());
    place(&built, &program)?;
    for plugin in plugins()? {
        let library = plugin_library(&plugin);
        place(&Profile::Dev.folder().join(&library), &folder.join(&library))?;
    }
    Ok(program)
}

fn place(from: &Path, to: &Path) -> Result<(), ChoreError> {
    let placed = fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()));
    placed.map_err(ChoreError::file("copy", from))
}

fn remove(folder: &Path) -> Result<(), ChoreError> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).map_err(ChoreError::file("remove", folder))
}
