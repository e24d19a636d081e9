//! Places and packages of this workspace.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ChoreError;

/// What the manifest of a component depends on.
const VALIDATOR_API: &str = "olive-validator-api";

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// Where cargo builds: the folder above the profile folder this program lies in.
pub(crate) fn target() -> PathBuf {
    let program = env::current_exe().ok();
    let target = program.as_deref().and_then(|path| path.parent()?.parent());
    target.map_or_else(|| root().join("target"), Path::to_owned)
}

/// How far a build is optimized.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Profile {
    /// Quick to build.
    Dev,
    /// Quick to run.
    Release,
}

impl Profile {
    /// Folder of this profile's programs and libraries.
    pub(crate) fn folder(self) -> PathBuf {
        target().join(match self {
            Self::Dev => "debug",
            Self::Release => "release",
        })
    }

    /// The `olive` program of this profile.
    pub(crate) fn program(self) -> PathBuf {
        self.folder().join(format!("olive{EXE_SUFFIX}"))
    }
}

/// Folder names of the built-in plugins that are libraries, sorted.
pub(crate) fn plugins() -> Result<Vec<String>, ChoreError> {
    packages(|manifest| !manifest.contains(VALIDATOR_API))
}

/// Folder names of the built-in plugins that are components, sorted.
pub(crate) fn components() -> Result<Vec<String>, ChoreError> {
    packages(|manifest| manifest.contains(VALIDATOR_API))
}

/// Folder names of the built-in plugins with such a manifest, sorted.
fn packages(is_meant: impl Fn(&str) -> bool) -> Result<Vec<String>, ChoreError> {
    let folder = root().join("plugins");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(ChoreError::file("list", &folder))? {
        let path = entry.map_err(ChoreError::file("list", &folder))?.path();
        let manifest = fs::read_to_string(path.join("Cargo.toml"));
        if manifest.is_ok_and(|manifest| is_meant(&manifest)) {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// File name of the component of the plugin in `folder`.
pub(crate) fn component(folder: &str) -> String {
    format!("olive_plugin_{}.wasm", folder.replace('-', "_"))
}

/// File name of the library of the plugin in `folder`.
pub(crate) fn plugin_library(folder: &str) -> String {
    format!("{DLL_PREFIX}olive_plugin_{}{DLL_SUFFIX}", folder.replace('-', "_"))
}

/// The cache folder of the user: `$OLIVE_CACHE_HOME`, else `$XDG_CACHE_HOME/olive`, else
/// `~/.cache/olive`.
pub(crate) fn cache_home() -> Result<PathBuf, ChoreError> {
    let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    path("OLIVE_CACHE_HOME")
        .or_else(|| path("XDG_CACHE_HOME").map(|cache| cache.join("olive")))
        .or_else(|| path("HOME").map(|home| home.join(".cache/olive")))
        .ok_or(ChoreError::NoCache)
}
