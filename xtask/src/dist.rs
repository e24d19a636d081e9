//! A folder and an archive with the program and its plugins that run from anywhere.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::error::{ChoreError, chain};
use crate::fetch;
use crate::workspace::{
    Profile, build_release, component, components, plugin_library, plugins, root, target,
};

/// Files of the repository that travel along.
const TEXTS: [&str; 2] = ["LICENSE", "README.md"];

/// Builds, gathers, checks and packs.
///
/// ```text
/// <out>/olive-<version>-<target>.tar.gz
/// <out>/olive-<version>-<target>/olive
///                               /plugins/libolive_plugin_*.so
///                               /plugins/olive_plugin_*.wasm
///                               /plugins/onnxruntime/libonnxruntime.so.*
///                               /examples/
///                               /LICENSE, README.md
/// ```
pub(crate) fn run(out: Option<PathBuf>) -> Result<(), ChoreError> {
    build_release()?;
    let out = out.unwrap_or_else(|| target().join("dist"));
    let name = format!("olive-{}-{}", env!("CARGO_PKG_VERSION"), host_target()?);
    let folder = out.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(ChoreError::file("replace", &folder))?;
    }
    gather(&folder)?;
    check(&folder)?;
    let archive = out.join(format!("{name}.tar.gz"));
    command::run(Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&out).arg(&name))?;
    println!("folder:  {}\narchive: {}", folder.display(), archive.display());
    Ok(())
}

fn gather(folder: &Path) -> Result<(), ChoreError> {
    let program = Profile::Release.program();
    copy(&program, folder)?;
    for name in plugins()? {
        copy(&Profile::Release.folder().join(plugin_library(&name)), &folder.join("plugins"))?;
    }
    for name in components()? {
        let component = Profile::Release.folder().join(component(&name));
        if component.is_file() {
            copy(&component, &folder.join("plugins"))?;
        } else {
            println!("left out: {name}, which was not built");
        }
    }
    for name in TEXTS {
        copy(&root().join(name), folder)?;
    }
    copy_folder(&root().join("examples"), &folder.join("examples"))?;
    match fetch::onnxruntime() {
        Ok(library) => {
            copy_folder(library.parent().unwrap_or(&library), &folder.join("plugins/onnxruntime"))
        }
        Err(error) => {
            println!("left out: ONNX Runtime: {}", chain(&error));
            Ok(())
        }
    }
}

/// Runs the gathered program, from another folder.
fn check(folder: &Path) -> Result<(), ChoreError> {
    let program = folder.join(Profile::Release.program().file_name().unwrap_or_default());
    let program = program.canonicalize().map_err(ChoreError::file("find", &program))?;
    command::run(Command::new(program).args(["plugin", "list"]).current_dir(env::temp_dir()))
}

/// The target triple of this toolchain's programs.
fn host_target() -> Result<String, ChoreError> {
    let said = command::output(Command::new("rustc").arg("-vV").current_dir(root()))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.unwrap_or(env::consts::ARCH).to_owned())
}

fn copy(file: &Path, folder: &Path) -> Result<(), ChoreError> {
    fs::create_dir_all(folder).map_err(ChoreError::file("create", folder))?;
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, to).map(drop).map_err(ChoreError::file("copy", file))
}

/// Copies a folder with all below it, but hidden entries.
fn copy_folder(from: &Path, to: &Path) -> Result<(), ChoreError> {
    for entry in fs::read_dir(from).map_err(ChoreError::file("list", from))? {
        let path = entry.map_err(ChoreError::file("list", from))?.path();
        let name = path.file_name().unwrap_or_default();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            copy(&path, to)?;
        }
    }
    Ok(())
}
