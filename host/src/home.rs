//! Where this user keeps what outlives a project.

use std::path::PathBuf;

/// Folder for what outlives a project: `$OLIVE_CACHE_HOME`, else `olive` in the user's cache.
pub fn cache_home() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = variable("OLIVE_CACHE_HOME") {
        return folder.into();
    }
    let user_cache = variable("XDG_CACHE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")));
    user_cache.unwrap_or_else(std::env::temp_dir).join("olive")
}
