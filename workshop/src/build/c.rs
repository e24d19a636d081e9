//! Components in C: one file with bindings that are made from the contract once and for all.
//!
//! `src/c/` holds the bindings and says how they are made. They come without the object file that
//! tells which world the module is of: [`Contract::embed`] writes that into the module. A plugin's
//! folder may bring bindings of its own, as `bindings/*.c` and `bindings/*.h`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{BuildError, Face};
use crate::command::{ask, run};
use crate::component::{Contract, encode};
use crate::toolchain::on_path;

/// A library that is not linked to a `main`, of C for the smallest of systems; `malloc` is all that
/// the bindings want of it.
const ARGUMENTS: [&str; 4] = ["-Os", "-s", "-mexec-model=reactor", "-std=c17"];

/// A component of the one source in `dir`.
pub(super) fn build(dir: &Path, face: Face, contract: &Contract) -> Result<Vec<u8>, BuildError> {
    let temp = env::temp_dir();
    let work = tempfile::tempdir().map_err(BuildError::io("write into", &temp))?;
    let module = work.path().join("module.wasm");
    let mut compiler = Compiler::find(dir, work.path())?.command();
    compiler.current_dir(dir).args(ARGUMENTS);
    compiler.arg("-o").arg(&module).arg(format!("{}.c", face.stem()));
    let bindings = bindings(dir, face, work.path())?;
    compiler.arg("-I").arg(&bindings).args(sources(&bindings)?);
    run(&mut compiler)?;
    let mut module = fs::read(&module).map_err(BuildError::io("read", &module))?;
    contract.embed(&mut module, face.world())?;
    Ok(encode(&module)?)
}

/// The folder's own bindings, or else this program's, written into `work`.
fn bindings(dir: &Path, face: Face, work: &Path) -> Result<PathBuf, BuildError> {
    let own = dir.join("bindings");
    if own.is_dir() {
        return Ok(own);
    }
    let folder = work.join("bindings");
    fs::create_dir(&folder).map_err(BuildError::io("create", &folder))?;
    for (name, text) in own_bindings(face) {
        let path = folder.join(name);
        fs::write(&path, text).map_err(BuildError::io("write", &path))?;
    }
    Ok(folder)
}

/// The bindings, by file name.
fn own_bindings(face: Face) -> [(&'static str, &'static str); 2] {
    match face {
        Face::Validator => [
            ("validator_plugin.h", include_str!("../c/validator_plugin.h")),
            ("validator_plugin.c", include_str!("../c/validator_plugin.c")),
        ],
        Face::GraphPass => [
            ("graph_pass_plugin.h", include_str!("../c/graph_pass_plugin.h")),
            ("graph_pass_plugin.c", include_str!("../c/graph_pass_plugin.c")),
        ],
    }
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let entries = fs::read_dir(folder).map_err(BuildError::io("list", folder))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut sources: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "c")).collect();
    sources.sort();
    Ok(sources)
}

/// A compiler of C for WebAssembly that has a C library.
#[derive(Debug)]
enum Compiler {
    Clang(PathBuf),
    Zig(PathBuf),
    /// Zig as Python's package `ziglang`, of this interpreter.
    PythonZig(PathBuf),
}

impl Compiler {
    /// The first compiler that works; `work` is a folder to try it in.
    fn find(dir: &Path, work: &Path) -> Result<Self, BuildError> {
        if let Some(clang) = on_path("clang").map(Self::Clang).filter(|clang| clang.links(work)) {
            return Ok(clang);
        }
        if let Some(zig) = on_path("zig") {
            return Ok(Self::Zig(zig));
        }
        let environment = dir.join(".venv");
        let pythons = [environment.join("bin/python"), environment.join("Scripts/python.exe")];
        let pythons = pythons.into_iter().filter(|python| python.is_file());
        let pythons = pythons.chain(on_path("python3")).chain(on_path("python"));
        let mut zigs = pythons.map(Self::PythonZig);
        let zig = zigs.find(|zig| ask(zig.program().arg("version")).is_ok());
        zig.ok_or_else(|| BuildError::NoTool {
            what: "a component in C",
            tool: "compiler for `wasm32-wasi`",
            way_out: format!(
                "run `apt-get install clang lld wasi-libc libclang-rt-dev-wasm32`, or \
                 `python3 -m venv .venv && .venv/bin/pip install ziglang` in `{}`",
                dir.display()
            ),
        })
    }

    /// Whether the compiler has a C library and a linker.
    fn links(&self, work: &Path) -> bool {
        let source = work.join("probe.c");
        let is_written =
            fs::write(&source, "#include <stdlib.h>\nvoid *p(void) { return malloc(1); }");
        let mut compiler = self.command();
        compiler.args(ARGUMENTS).arg("-o").arg(work.join("probe.wasm")).arg(source);
        is_written.is_ok() && ask(&mut compiler).is_ok()
    }

    fn program(&self) -> Command {
        match self {
            Self::Clang(program) | Self::Zig(program) => Command::new(program),
            Self::PythonZig(python) => {
                let mut command = Command::new(python);
                command.args(["-m", "ziglang"]);
                command
            }
        }
    }

    fn command(&self) -> Command {
        let mut command = self.program();
        match self {
            Self::Clang(_) => command.arg("--target=wasm32-wasi"),
            Self::Zig(_) | Self::PythonZig(_) => command.args(["cc", "-target", "wasm32-wasi"]),
        };
        command
    }
}
