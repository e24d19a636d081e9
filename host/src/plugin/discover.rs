//! Finding plugin libraries: beside the program, and in folders the user names.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use super::CatalogError;

/// Beginning of a built-in plugin's file name.
const BUILT_IN: &str = "olive_plugin_";

/// Plugin libraries beside the running program: in its folder and in `plugins/` there.
///
/// A folder that cannot be read holds no plugins.
pub fn beside_program() -> Vec<PathBuf> {
    let Some(folder) = env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()))
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for folder in [folder.join("plugins"), folder] {
        let prefix = format!("{DLL_PREFIX}{BUILT_IN}");
        let libraries = libraries(&folder).unwrap_or_default();
        found.extend(libraries.into_iter().filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        }));
    }
    found
}

/// Every dynamic library in `folder`, sorted by name.
///
/// # Errors
/// When the folder cannot be read.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, CatalogError> {
    libraries(folder).map_err(|source| CatalogError::Io { path: folder.to_owned(), source })
}

fn libraries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_library = path.is_file() && path.to_string_lossy().ends_with(DLL_SUFFIX);
        if is_library {
            found.push(path.canonicalize()?);
        }
    }
    found.sort();
    Ok(found)
}
