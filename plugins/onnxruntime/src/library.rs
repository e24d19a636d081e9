//! Where the ONNX Runtime library is, and loading it once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::error::OnnxError;
use crate::places::Places;

/// Start of the library's file name on this platform; a version may follow.
const FILE_NAME: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime."
} else {
    "libonnxruntime.so"
};

/// Finds and loads the library; later calls give what the first one loaded.
///
/// # Errors
/// When there is no library, it cannot be loaded, or it is older than this plugin needs.
pub fn environment() -> Result<Environment, OnnxError> {
    static LOADED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let path = find(&Places::from_environment())?;
    let builder = ort::init_from(&path).map_err(|error| unloadable(&path, error))?;
    let environment = builder.with_name("olive").with_telemetry(false).build()?;
    // What it would log, it also returns.
    environment.set_log_level(LogLevel::Fatal);
    Ok(loaded.insert(environment).clone())
}

/// The library: the explicit file, else the first found beside the plugin, else the newest version
/// in the cache.
///
/// # Errors
/// When the explicit file does not exist, whatever lies elsewhere, or when nothing is found.
pub fn find(places: &Places) -> Result<PathBuf, OnnxError> {
    if let Some(explicit) = &places.explicit {
        if explicit.is_file() {
            return Ok(explicit.clone());
        }
        return Err(OnnxError::NoLibraryAt { path: explicit.clone() });
    }
    let beside = places.plugin_dir.iter().flat_map(|dir| [dir.clone(), dir.join("onnxruntime")]);
    let cached = places.cache_dir.iter().flat_map(|dir| versions(dir));
    let found = beside.chain(cached).find_map(|folder| library_in(&folder));
    found.ok_or_else(|| OnnxError::NoLibrary { places: places.clone() })
}

/// Subfolders of `cache_dir` whose names are versions, newest first.
fn versions(cache_dir: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<_> = children(cache_dir)
        .into_iter()
        .filter_map(|path| Some((version(path.file_name()?.to_str()?)?, path)))
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, path)| path).collect()
}

fn version(name: &str) -> Option<Vec<u64>> {
    name.split('.').map(|part| part.parse().ok()).collect()
}

/// The library in `folder`, the one with the shortest name where links point to others.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let is_library = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(FILE_NAME)) && path.is_file()
    };
    children(folder).into_iter().filter(is_library).min_by_key(|path| path.as_os_str().len())
}

/// Entries of `folder` in order of their names; none when it cannot be read.
fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut children: Vec<_> = entries.map(|entry| entry.path()).collect();
    children.sort();
    children
}

fn unloadable(path: &Path, error: ort::LoadDynamicError) -> OnnxError {
    let path = path.to_path_buf();
    match error {
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            OnnxError::OldLibrary { path, found: version_str, needed: ort::MINOR_VERSION }
        }
        ort::LoadDynamicError::MissingApi { .. } | ort::LoadDynamicError::InvalidVersionString => {
            OnnxError::NotOnnxRuntime { path }
        }
        source @ ort::LoadDynamicError::Dlopen { .. } => OnnxError::Unloadable { path, source },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{FILE_NAME, find};
    use crate::places::Places;

    fn put(folder: &Path, name: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), "").unwrap();
    }

    fn places(root: &Path) -> Places {
        Places {
            explicit: None,
            plugin_dir: Some(root.join("plugins")),
            cache_dir: Some(root.join("cache")),
        }
    }

    #[test]
    fn the_newest_cached_version_is_found() {
        let root = tempfile::tempdir().unwrap();
        let name = format!("{FILE_NAME}.1.32.0");
        for version in ["1.9.0", "1.24.4", "1.32.0", "not-a-version"] {
            put(&root.path().join("cache").join(version), &name);
        }
        let found = find(&places(root.path())).unwrap();
        assert_eq!(found, root.path().join("cache/1.32.0").join(&name));
    }

    #[test]
    fn the_pack_folder_comes_before_the_cache() {
        let root = tempfile::tempdir().unwrap();
        put(&root.path().join("cache/1.32.0"), FILE_NAME);
        put(&root.path().join("plugins/onnxruntime"), &format!("{FILE_NAME}.1.24.4"));
        put(&root.path().join("plugins/onnxruntime"), "libonnxruntime_providers_shared.so");
        let found = find(&places(root.path())).unwrap();
        assert!(found.starts_with(root.path().join("plugins/onnxruntime")), "{found:?}");
    }

    #[test]
    fn a_wrong_explicit_path_is_not_replaced_by_another() {
        let root = tempfile::tempdir().unwrap();
        put(&root.path().join("cache/1.32.0"), FILE_NAME);
        let explicit = Some(root.path().join("gone.so"));
        let error = find(&Places { explicit, ..places(root.path()) }).unwrap_err().to_string();
        assert!(error.contains("gone.so") && error.contains("OLIVE_ONNXRUNTIME_LIB"), "{error}");
    }

    #[test]
    fn nothing_found_names_every_place() {
        let root = tempfile::tempdir().unwrap();
        let error = find(&places(root.path())).unwrap_err();
        let sentence = error.to_string();
        for place in ["OLIVE_ONNXRUNTIME_LIB", "plugins", "cache"] {
            assert!(sentence.contains(place), "{sentence}");
        }
        let help = olive_plugin_api::PluginError::from(error).help.unwrap();
        assert!(help.contains("cargo xtask fetch onnxruntime"), "{help}");
    }
}
