//! A way to compile Rust for WebAssembly, on machines with and without the target.
//!
//! What is tried, in this order:
//!
//! 1. the compiler of the plugin's folder has the target;
//! 2. rustup adds it, unless `CI=true` or `OLIVE_NO_RUSTUP=1` forbid that;
//! 3. the compiler has the sources of its standard library, which cargo then builds along;
//! 4. Debian's packages of a compiler and these sources, unpacked into a cache folder;
//! 5. an error that names the first and the fourth way.
//!
//! The target is `wasm32-unknown-unknown`: code for any of the WASI targets imports a system, of
//! which a validator is granted nothing.

mod debian;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use crate::BuildContext;
use crate::command::{self, CommandError, ask};
pub use debian::DebianError;

/// The target of components.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Has cargo build the standard library along.
const BUILD_STD: [&str; 2] = ["-Z", "build-std=std,panic_abort"];

/// A way to compile Rust for WebAssembly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// How it was found.
    pub way: Way,
    /// Variables of the cargo that compiles.
    pub env: Vec<(&'static str, OsString)>,
    /// Further arguments of that cargo.
    pub args: Vec<&'static str>,
    /// Folder of the compiler and its sources, whose path shall not get into a component.
    pub sysroot: PathBuf,
}

/// How a tool chain was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The compiler has the target.
    Installed,
    /// Rustup has added it just now.
    Added,
    /// The compiler has the sources of its standard library.
    Sources,
    /// Debian's packages.
    Debian,
}

/// Why there is no tool chain.
#[derive(Debug, Error)]
pub enum ToolchainError {
    /// There is no Rust at all.
    #[error("{0}; install Rust (https://rustup.rs)")]
    NoRust(CommandError),
    /// No way works.
    #[error(
        "found no way to compile Rust for `{TARGET}`: run `rustup target add {TARGET}`, or use a \
         machine with `apt-get` and Debian's package `rustc-web`\n  rustup: {rustup}\n  \
         Debian: {debian}"
    )]
    None {
        /// Why rustup did not help.
        rustup: String,
        /// Why Debian's packages did not help.
        debian: DebianError,
    },
}

/// Finds a tool chain for the plugin in `dir`.
///
/// # Errors
/// When there is none; see the order in the module.
pub fn find(dir: &Path, context: &BuildContext<'_>) -> Result<Toolchain, ToolchainError> {
    let rustc = Rustc::ask(dir).map_err(ToolchainError::NoRust)?;
    if has_target(dir) {
        return Ok(rustc.toolchain(Way::Installed));
    }
    let rustup = match add_target(dir, context) {
        Ok(()) if has_target(dir) => return Ok(rustc.toolchain(Way::Added)),
        Ok(()) => "it added the target to another compiler".to_owned(),
        Err(why) => why,
    };
    if rustc.has_sources() {
        return Ok(rustc.toolchain(Way::Sources));
    }
    match debian::find(context) {
        Ok(folder) => rustc.with_debian(folder),
        Err(debian) => Err(ToolchainError::None { rustup, debian }),
    }
}

/// Asks rustup for the target, or says why not.
fn add_target(dir: &Path, context: &BuildContext<'_>) -> Result<(), String> {
    for (name, forbids) in [("OLIVE_NO_RUSTUP", "1"), ("CI", "true")] {
        if env::var_os(name).is_some_and(|value| value == forbids) {
            return Err(format!("`{name}={forbids}` forbids to ask it"));
        }
    }
    (context.say)("asking rustup for the target");
    ask(command::rust("rustup", dir).args(["target", "add", TARGET]))
        .map(drop)
        .map_err(|error| error.to_string())
}

/// The compiler of a folder.
#[derive(Debug)]
struct Rustc {
    sysroot: PathBuf,
    /// Target triple of its programs.
    host: String,
}

impl Rustc {
    fn ask(dir: &Path) -> Result<Self, CommandError> {
        let sysroot = ask(command::rust("rustc", dir).args(["--print", "sysroot"]))?;
        let version = ask(command::rust("rustc", dir).arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.unwrap_or_default().to_owned();
        Ok(Self { sysroot: sysroot.trim_end().into(), host })
    }

    fn has_sources(&self) -> bool {
        self.sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
    }

    /// Rust's own linker, which rustup installs with the compiler.
    fn linker(&self) -> Option<PathBuf> {
        let linker = self.sysroot.join("lib/rustlib").join(&self.host).join("bin/rust-lld");
        linker.is_file().then_some(linker)
    }

    fn toolchain(self, way: Way) -> Toolchain {
        let mut toolchain = Toolchain { way, env: vec![], args: vec![], sysroot: self.sysroot };
        if way == Way::Sources {
            toolchain.env.push(("RUSTC_BOOTSTRAP", "1".into()));
            toolchain.args.extend(BUILD_STD);
        }
        toolchain
    }

    /// The compiler of Debian's packages in `folder`, with a linker from here or from the `PATH`.
    fn with_debian(self, folder: debian::Folder) -> Result<Toolchain, ToolchainError> {
        let Some(linker) = self.linker().or_else(|| on_path("wasm-ld")) else {
            let rustup = "the compiler has no `rust-lld`".to_owned();
            return Err(ToolchainError::None { rustup, debian: DebianError::NoLinker });
        };
        Ok(Toolchain {
            way: Way::Debian,
            env: vec![
                ("RUSTC", folder.rustc().into()),
                ("RUSTC_BOOTSTRAP", "1".into()),
                ("LD_LIBRARY_PATH", folder.libraries),
                ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.into()),
            ],
            args: BUILD_STD.into(),
            sysroot: folder.root,
        })
    }
}

impl Toolchain {
    /// Gives `cargo` the variables and arguments.
    pub fn apply(&self, cargo: &mut Command) {
        cargo.envs(self.env.iter().map(|(name, value)| (name, value))).args(&self.args);
    }
}

/// Whether the compiler of `dir` has the target.
fn has_target(dir: &Path) -> bool {
    let mut rustc = command::rust("rustc", dir);
    let folder = ask(rustc.args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_ok_and(|folder| has_core(Path::new(folder.trim_end())))
}

/// Whether a folder of compiled libraries has the one that every crate needs.
fn has_core(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with("libcore-"))
}

/// The first program of the `PATH` that is called `name`, or `name` with a version: `wasm-ld-19`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).find_map(|folder| {
        let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        let mut named: Vec<PathBuf> = entries
            .filter(|path| path.file_name().is_some_and(|file| is_named(file, name)))
            .collect();
        named.sort();
        named.into_iter().find(|path| path.is_file())
    })
}

fn is_named(file: &OsStr, name: &str) -> bool {
    let file = file.to_string_lossy();
    let file = file.strip_suffix(env::consts::EXE_SUFFIX).unwrap_or(&file);
    file.strip_prefix(name).is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix('-').is_some_and(|version| {
                !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())
            })
    })
}

#[cfg(test)]
mod tests {
    use super::{has_core, is_named, on_path};
    use std::ffi::OsStr;
    use std::fs;

    #[test]
    fn programs_are_known_with_and_without_a_version() {
        for (file, is) in [
            ("wasm-ld", true),
            ("wasm-ld-19", true),
            ("wasm-ld-", false),
            ("wasm-ldx", false),
            ("lld", false),
        ] {
            assert_eq!(is_named(OsStr::new(file), "wasm-ld"), is, "{file}");
        }
        assert!(on_path("cargo").is_some());
        assert!(on_path("no-such-program").is_none());
    }

    #[test]
    fn a_target_is_there_when_its_core_library_is() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_core(folder.path()));
        fs::write(folder.path().join("libcore-1234.rlib"), "").unwrap();
        assert!(has_core(folder.path()));
        assert!(!has_core(&folder.path().join("gone")));
    }
}
