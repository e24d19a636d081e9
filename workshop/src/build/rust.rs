//! Plugins in Rust: libraries, and components of libraries.

use std::env;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{BuildError, Built, write_component, write_library};
use crate::BuildContext;
use crate::command::{self, answer};
use crate::component::{Contract, encode};
use crate::toolchain::{self, TARGET, Toolchain};

/// What a package of passes, evaluators, … depends on.
const PLUGIN_API: &str = "olive-plugin-api";

/// What a package of a component depends on.
const VALIDATOR_API: &str = "olive-validator-api";

/// Components travel in packs and are compiled on the user's machine: small before fast. A panic
/// ends the instance, so nothing unwinds.
const SETTINGS: [&str; 5] = [
    "profile.release.opt-level=\"s\"",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=\"symbols\"",
];

/// Builds the package in `dir`.
pub(super) fn build(
    dir: &Path,
    out: &Path,
    context: &BuildContext<'_>,
) -> Result<Built, BuildError> {
    let project = Project::read(dir)?;
    if project.depends_on(VALIDATOR_API) {
        let toolchain = toolchain::find(dir, context)?;
        let module = project.compile_module(dir, &toolchain)?;
        let module = std::fs::read(&module).map_err(BuildError::io("read", &module))?;
        let name = project.package.name.replace('-', "_");
        return write_component(&encode(&module)?, &Contract::own()?, &name, out);
    }
    if project.depends_on(PLUGIN_API) {
        return write_library(&project.compile_library(dir)?, out);
    }
    Err(BuildError::NoContract(project.package.name))
}

/// A package and where cargo works on it.
#[derive(Debug)]
struct Project {
    package: Package,
    root: PathBuf,
    target: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or none for an ordinary one.
    kind: Option<String>,
}

/// A line of what cargo tells while it compiles.
#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

impl Project {
    fn read(dir: &Path) -> Result<Self, BuildError> {
        let mut cargo = command::rust("cargo", dir);
        let said = answer(cargo.args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let no_library = || BuildError::NoLibrary(dir.display().to_string());
        let metadata: Metadata = serde_json::from_str(&said).map_err(|_| no_library())?;
        let manifest = dir.join("Cargo.toml");
        let mut packages = metadata.packages.into_iter();
        let package = packages.find(|package| package.manifest_path == manifest);
        Ok(Self {
            package: package.ok_or_else(no_library)?,
            root: metadata.workspace_root,
            target: metadata.target_directory,
        })
    }

    fn depends_on(&self, name: &str) -> bool {
        let dependencies = &self.package.dependencies;
        dependencies.iter().any(|one| one.name == name && one.kind.is_none())
    }

    /// The core module of the package's library.
    ///
    /// It has a target folder of its own, since its compiler may be another one.
    fn compile_module(&self, dir: &Path, toolchain: &Toolchain) -> Result<PathBuf, BuildError> {
        let mut cargo = command::rust("cargo", dir);
        cargo.args(["rustc", "--lib", "--crate-type", "cdylib", "--release", "--target", TARGET]);
        cargo.arg("--target-dir").arg(self.target.join("components"));
        for setting in SETTINGS {
            cargo.args(["--config", setting]);
        }
        cargo.arg("--config").arg(self.remapped(toolchain));
        toolchain.apply(&mut cargo);
        self.artifact(&mut cargo, ".wasm")
    }

    fn compile_library(&self, dir: &Path) -> Result<PathBuf, BuildError> {
        let mut cargo = command::rust("cargo", dir);
        cargo.args(["rustc", "--lib", "--crate-type", "cdylib", "--release"]);
        self.artifact(&mut cargo, env::consts::DLL_SUFFIX)
    }

    /// Runs cargo and finds the file it made of the package.
    fn artifact(
        &self,
        cargo: &mut std::process::Command,
        ending: &str,
    ) -> Result<PathBuf, BuildError> {
        let said = answer(cargo.args(["--message-format", "json-render-diagnostics"]))?;
        let messages = said.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
        let ours = messages.filter(|message| {
            message.reason == "compiler-artifact"
                && message.manifest_path == self.package.manifest_path
        });
        let mut files = ours.flat_map(|message| message.filenames);
        let file = files.find(|file| file.to_string_lossy().ends_with(ending));
        file.ok_or_else(|| BuildError::NoLibrary(self.package.name.clone()))
    }

    /// The setting that keeps this machine's paths out of the messages of panics, so that the
    /// component is the same wherever it is built.
    fn remapped(&self, toolchain: &Toolchain) -> String {
        let registry = cargo_home().map(|home| (home, "cargo"));
        let places = [(toolchain.sysroot.clone(), "rust"), (self.root.clone(), ".")];
        let places = registry.into_iter().chain(places);
        let flags = places
            .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
            .map(|flag| serde_json::Value::from(flag).to_string());
        format!("target.{TARGET}.rustflags=[{}]", flags.collect::<Vec<_>>().join(","))
    }
}

/// Where cargo keeps the sources it has fetched.
fn cargo_home() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("CARGO_HOME").or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}
