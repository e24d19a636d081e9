//! A folder and an archive with the program and its plugins that run from anywhere.

mod packs;
mod runtime;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::command;
use crate::error::{ChoreError, chain};
use crate::fetch;
use crate::release;
use crate::workspace::{Profile, component, components, plugin_library, plugins, root, target};

use packs::{Pack, Workshop};

/// What to build, and where to.
#[derive(Debug, Args)]
pub(crate) struct DistArgs {
    /// Where to put it; `target/dist` when left out.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Packs to make; base, cpu and rules when left out.
    #[arg(long, value_enum, value_delimiter = ',')]
    packs: Vec<Pack>,
    /// Secret key that signs the packs; one made in the folder when left out.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Folder of folders named by target triple, with plugin libraries built for it elsewhere.
    #[arg(long, value_name = "DIR")]
    prebuilt: Option<PathBuf>,
}

/// Files of the repository that travel along.
const TEXTS: [&str; 2] = ["LICENSE", "README.md"];

/// Builds; makes a folder with everything, packs of the plugins, and a folder with the program alone
/// that installs them.
///
/// ```text
/// <out>/olive-<version>-<target>.tar.gz
/// <out>/olive-<version>-<target>/olive
///                               /plugins/libolive_plugin_*.so
///                               /plugins/olive_plugin_*.wasm
///                               /plugins/onnxruntime/libonnxruntime.so.*
///                               /examples/
///                               /LICENSE, README.md
/// <out>/packs/olive-<pack>-<version>.pack, .pack.minisig
///            /index.json, .minisig
///            /olive.pub
/// <out>/olive-minimal-<version>-<target>.tar.gz
/// <out>/olive-minimal-<version>-<target>/olive
///                                       /packs/      as above
///                                       /examples/
///                                       /LICENSE, README.md
/// ```
pub(crate) fn run(args: &DistArgs) -> Result<(), ChoreError> {
    release::build()?;
    let out = args.out.clone().unwrap_or_else(|| target().join("dist"));
    let (version, triple) = (env!("CARGO_PKG_VERSION"), host_target()?);
    let name = format!("olive-{version}-{triple}");
    let folder = emptied(&out.join(&name))?;
    gather(&folder)?;
    list(&folder)?;
    archive(&out, &name)?;
    let packs = emptied(&out.join("packs"))?;
    make_packs(args, &folder, &triple, &packs)?;
    let name = format!("olive-minimal-{version}-{triple}");
    gather_minimal(&emptied(&out.join(&name))?, &packs)?;
    archive(&out, &name)
}

fn make_packs(args: &DistArgs, folder: &Path, target: &str, out: &Path) -> Result<(), ChoreError> {
    let program = program_in(folder)?;
    let wanted = if args.packs.is_empty() { &Pack::USUAL[..] } else { &args.packs };
    let key = packs::key(args.key.clone(), &program, out.parent().unwrap_or(out))?;
    let prebuilt = args.prebuilt.as_deref();
    Workshop { program: &program, target, prebuilt, key: &key, out }.make(wanted)
}

/// The program without plugins, beside the packs it can install.
fn gather_minimal(folder: &Path, packs: &Path) -> Result<(), ChoreError> {
    copy(&Profile::Release.program(), folder)?;
    for name in TEXTS {
        copy(&root().join(name), folder)?;
    }
    copy_folder(&root().join("examples"), &folder.join("examples"))?;
    copy_folder(packs, &folder.join("packs"))
}

/// The folder, with nothing of an earlier build in it.
fn emptied(folder: &Path) -> Result<PathBuf, ChoreError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(ChoreError::file("replace", folder))?;
    }
    fs::create_dir_all(folder).map_err(ChoreError::file("create", folder))?;
    Ok(folder.to_owned())
}

fn archive(out: &Path, name: &str) -> Result<(), ChoreError> {
    let archive = out.join(format!("{name}.tar.gz"));
    command::run(Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(out).arg(name))?;
    println!("folder:  {}\narchive: {}", out.join(name).display(), archive.display());
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
fn list(folder: &Path) -> Result<(), ChoreError> {
    let mut olive = Command::new(program_in(folder)?);
    command::run(olive.args(["plugin", "list"]).current_dir(env::temp_dir()))
}

fn program_in(folder: &Path) -> Result<PathBuf, ChoreError> {
    let program = folder.join(Profile::Release.program().file_name().unwrap_or_default());
    program.canonicalize().map_err(ChoreError::file("find", &program))
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
