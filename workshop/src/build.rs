//! Building the plugin of a folder, whatever it is written in.
//!
//! | in the folder | becomes | through |
//! | --- | --- | --- |
//! | `Cargo.toml` that depends on `olive-validator-api` | component | [cargo and a tool chain](crate::toolchain) |
//! | `Cargo.toml` that depends on `olive-plugin-api` | dynamic library | cargo |
//! | `validator.c`, `graph_pass.c` | component | clang with wasi-libc, or zig |
//! | `validator.js`, `graph_pass.js` | component | Node's package `componentize-js` |
//! | `validator.py`, `graph_pass.py` | component | Python's package `componentize-py` |
//!
//! The file's name says what the component exports. A component in C, JavaScript or Python has the
//! contract beside it, as `wit/olive-plugin.wit`; without that file it is built against
//! [this program's](crate::component::WIT).

mod rust;
mod c;
mod script;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::BuildContext;
use crate::command::CommandError;
use crate::component::{ComponentError, Contract, GRAPH_PASS_WORLD, VALIDATOR_WORLD, WIT};
use crate::toolchain::ToolchainError;

/// Where the contract lies in the folder of a component.
const WIT_FILE: &str = "wit/olive-plugin.wit";

/// Ending of a process plugin's manifest.
const PROCESS_PLUGIN: &str = ".plugin.json";

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The plugin.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What it is.
    pub kind: Kind,
}

/// What a built plugin is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A dynamic library.
    Library,
    /// A component, with the optional interfaces it exports.
    Component(Vec<String>),
}

/// Why nothing was built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The folder holds no plugin.
    #[error(
        "`{}` holds no plugin to build: there is neither a `Cargo.toml`, nor `validator` or \
         `graph_pass` with the ending `.c`, `.js` or `.py`",
        .0.display()
    )]
    NoPlugin(PathBuf),
    /// The folder is a process plugin.
    #[error("`{}` is a process plugin, which runs as it is: name its folder by `--plugin-dir`", .0.display())]
    Process(PathBuf),
    /// The package is no plugin.
    #[error(
        "package `{0}` depends on neither `olive-plugin-api` nor `olive-validator-api`, so it is no plugin"
    )]
    NoContract(String),
    /// Cargo's answer is not understood.
    #[error("cargo told of no library of package `{0}`")]
    NoLibrary(String),
    /// There is no Rust for WebAssembly.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A program that the build needs is not there.
    #[error("{what} cannot be built here: found no {tool}; {way_out}")]
    NoTool {
        /// What needs it.
        what: &'static str,
        /// What is missing.
        tool: &'static str,
        /// How to get it.
        way_out: String,
    },
    /// A command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The result is not what the host takes.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A file cannot be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl BuildError {
    /// Whether it is this machine that lacks something, not the plugin.
    pub fn is_missing_tool(&self) -> bool {
        matches!(self, Self::Toolchain(_) | Self::NoTool { .. })
    }

    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// Builds the plugin in `dir` into the folder `out`, which is made when it is not there.
///
/// # Errors
/// When there is no plugin, a tool is missing, or the build fails. `out` then is as it was.
pub fn build(dir: &Path, out: &Path, context: &BuildContext<'_>) -> Result<Built, BuildError> {
    let dir = dir.canonicalize().map_err(BuildError::io("find", dir))?;
    if dir.join("Cargo.toml").is_file() {
        return rust::build(&dir, out, context);
    }
    let Some((face, language)) = source(&dir) else { return Err(no_plugin(dir)) };
    let component = match language {
        Language::C => c::build(&dir, face, &contract(&dir)?)?,
        Language::JavaScript => script::javascript(&dir, face, &wit(&dir)?)?,
        Language::Python => script::python(&dir, face, &wit(&dir)?)?,
    };
    let name = dir.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
    write_component(&component, &contract(&dir)?, &name, out)
}

/// What a component in another language than Rust shows the host.
#[derive(Debug, Clone, Copy)]
enum Face {
    Validator,
    GraphPass,
}

impl Face {
    /// Name of the source without its ending.
    const fn stem(self) -> &'static str {
        match self {
            Self::Validator => "validator",
            Self::GraphPass => "graph_pass",
        }
    }

    const fn world(self) -> &'static str {
        match self {
            Self::Validator => VALIDATOR_WORLD,
            Self::GraphPass => GRAPH_PASS_WORLD,
        }
    }
}

/// Language of a component that is not Rust.
#[derive(Debug, Clone, Copy)]
enum Language {
    C,
    JavaScript,
    Python,
}

/// The one source of a component that `dir` has.
fn source(dir: &Path) -> Option<(Face, Language)> {
    let languages = [(Language::C, "c"), (Language::JavaScript, "js"), (Language::Python, "py")];
    let faces = [Face::Validator, Face::GraphPass].into_iter();
    let sources = faces.flat_map(|face| languages.map(|(language, end)| (face, language, end)));
    let is_there =
        |(face, _, end): &(Face, _, _)| dir.join(face.stem()).with_extension(end).is_file();
    sources.into_iter().find(is_there).map(|(face, language, _)| (face, language))
}

fn no_plugin(dir: PathBuf) -> BuildError {
    let entries = fs::read_dir(&dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut manifests = entries.filter(|path| path.to_string_lossy().ends_with(PROCESS_PLUGIN));
    match manifests.next() {
        Some(manifest) => BuildError::Process(manifest),
        None => BuildError::NoPlugin(dir),
    }
}

/// The contract's text: the folder's, or this program's.
fn wit(dir: &Path) -> Result<String, BuildError> {
    let path = dir.join(WIT_FILE);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(WIT.to_owned()),
        read => read.map_err(BuildError::io("read", &path)),
    }
}

fn contract(dir: &Path) -> Result<Contract, BuildError> {
    Ok(Contract::parse(&dir.join(WIT_FILE), &wit(dir)?)?)
}

/// Writes a component that the host takes.
fn write_component(
    component: &[u8],
    contract: &Contract,
    name: &str,
    out: &Path,
) -> Result<Built, BuildError> {
    let interfaces = contract.check(component)?;
    write(component, &format!("{name}.wasm"), out, Kind::Component(interfaces))
}

/// Writes a dynamic library.
fn write_library(library: &Path, out: &Path) -> Result<Built, BuildError> {
    let bytes = fs::read(library).map_err(BuildError::io("read", library))?;
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    debug_assert!(name.starts_with(DLL_PREFIX) && name.ends_with(DLL_SUFFIX), "{name}");
    write(&bytes, &name, out, Kind::Library)
}

/// Writes a file that is never seen half-written.
fn write(bytes: &[u8], name: &str, out: &Path, kind: Kind) -> Result<Built, BuildError> {
    let path = out.join(name);
    fs::create_dir_all(out).map_err(BuildError::io("create", out))?;
    let mut file = NamedTempFile::new_in(out).map_err(BuildError::io("write into", out))?;
    file.write_all(bytes).map_err(BuildError::io("write", &path))?;
    readable(&file).map_err(BuildError::io("write", &path))?;
    file.persist(&path).map_err(|error| error.error).map_err(BuildError::io("write", &path))?;
    Ok(Built { path, bytes: bytes.len() as u64, kind })
}

/// Lets others read the file, as they may what cargo writes.
#[cfg(unix)]
fn readable(file: &NamedTempFile) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &NamedTempFile) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BuildError, Kind, build, write};
    use crate::BuildContext;
    use std::fs;
    use std::path::Path;

    /// Builds a folder with these files, which fails and leaves nothing.
    fn check_refused(files: &[(&str, &str)], start: &str) -> BuildError {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let out = folder.path().join("dist");
        let context = BuildContext { cache: folder.path(), say: &|_| () };
        let error = build(folder.path(), &out, &context).unwrap_err();
        assert!(!out.exists());
        let said = error.to_string();
        assert!(said.contains(start), "{said}");
        error
    }

    #[test]
    fn a_folder_without_a_plugin_says_what_is_looked_for() {
        let error =
            check_refused(&[("README.md", "")], "neither a `Cargo.toml`, nor `validator` or");
        assert!(!error.is_missing_tool());
        check_refused(&[("acme.plugin.json", "{}")], "acme.plugin.json` is a process plugin");
    }

    #[test]
    fn a_package_that_depends_on_no_contract_is_no_plugin() {
        let manifest = "[package]\nname = \"acme\"\nedition = \"2024\"\n[workspace]\n";
        let files = [("Cargo.toml", manifest), ("src/lib.rs", "")];
        check_refused(&files, "package `acme` depends on neither `olive-plugin-api` nor");
        let files = [("Cargo.toml", "[package"), ("src/lib.rs", "")];
        check_refused(&files, "`cargo metadata --no-deps --format-version 1` ended with");
    }

    #[test]
    fn a_contract_that_is_no_wit_is_named() {
        for source in ["validator.c", "graph_pass.c"] {
            let files = [(source, ""), ("wit/olive-plugin.wit", "interface {")];
            check_refused(&files, "the WIT package is wrong: ");
        }
    }

    #[test]
    fn a_file_takes_the_place_of_an_older_one_and_leaves_nothing_else() {
        let out = tempfile::tempdir().unwrap();
        for bytes in [&b"old"[..], b"newer"] {
            let built = write(bytes, "acme.wasm", out.path(), Kind::Library).unwrap();
            assert_eq!(built.bytes, bytes.len() as u64);
            assert_eq!(fs::read(&built.path).unwrap(), bytes);
        }
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
        assert!(write(b"", "a", Path::new("/dev/null/a"), Kind::Library).is_err());
    }
}
