//! Finding plugins: libraries, components and manifests beside the program, and in folders the user
//! names.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::{CatalogError, program};

/// Beginning of a built-in plugin's file name.
const BUILT_IN: &str = "olive_plugin_";

/// Ending of a component's file name.
const COMPONENT: &str = ".wasm";

/// Files of plugins in one place, each list sorted by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Dynamic libraries.
    pub libraries: Vec<PathBuf>,
    /// Components.
    pub components: Vec<PathBuf>,
    /// Manifests of process plugins, also those in folders right below.
    pub manifests: Vec<PathBuf>,
}

/// Plugins beside the running program: in its folder and in `plugins/` there.
///
/// A folder that cannot be read holds no plugins.
pub fn beside_program() -> Found {
    let Some(folder) = program::folder() else { return Found::default() };
    let mut found = Found::default();
    for (folder, has_manifests) in [(folder.join("plugins"), true), (folder, false)] {
        let Found { libraries, components, manifests } = files(&folder).unwrap_or_default();
        let library = format!("{DLL_PREFIX}{BUILT_IN}");
        found.libraries.extend(libraries.into_iter().filter(|path| is_called(path, &library)));
        found.components.extend(components.into_iter().filter(|path| is_called(path, BUILT_IN)));
        found.manifests.extend(manifests.into_iter().filter(|_| has_manifests));
    }
    found
}

/// Every plugin in `folder`.
///
/// # Errors
/// When the folder cannot be read.
pub fn in_folder(folder: &Path) -> Result<Found, CatalogError> {
    files(folder).map_err(|source| CatalogError::Folder { path: folder.to_owned(), source })
}

fn is_called(path: &Path, start: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
}

fn files(folder: &Path) -> std::io::Result<Found> {
    let mut found = Found::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        let list = match () {
            () if path.is_dir() => {
                found.manifests.extend(manifests(&path).unwrap_or_default());
                continue;
            }
            () if !path.is_file() => continue,
            () if Manifest::is_at(&path) => &mut found.manifests,
            () if name.ends_with(DLL_SUFFIX) => &mut found.libraries,
            () if name.ends_with(COMPONENT) => &mut found.components,
            () => continue,
        };
        list.push(path.canonicalize()?);
    }
    found.libraries.sort();
    found.components.sort();
    found.manifests.sort();
    Ok(found)
}

/// The manifests in `folder`, unless it is hidden.
fn manifests(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if is_called(folder, ".") {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if Manifest::is_at(&path) && path.is_file() {
            found.push(path.canonicalize()?);
        }
    }
    Ok(found)
}
