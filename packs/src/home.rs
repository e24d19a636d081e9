//! Where things are kept.
//!
//! ```text
//! <data home>/trust.json            keys of publishers                       trust
//!            /indexes.json          configured indexes                       index
//!            /indexes/NAME.json     their last copies, with .minisig         index
//!            /lock, /tmp/           while one of these is changed            data
//!            /seal.key              key under which project stores are ours  store
//!            /plugins/              packs of this user: a store              store
//! PROJECT/.olive/plugins/           packs of a project: a store
//!        /olive.lock                what the project works with              lock
//! ```

use std::env;
use std::path::{Path, PathBuf};

/// The user's data: `$OLIVE_DATA_HOME`, else `olive` in the place the system has for it.
pub fn data_home() -> PathBuf {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("OLIVE_DATA_HOME") {
        return folder;
    }
    let data = variable("XDG_DATA_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .or_else(|| Some(variable("HOME")?.join(".local/share")));
    data.unwrap_or_else(env::temp_dir).join("olive")
}

/// The store of the user whose data is at `data_home`.
pub(crate) fn user_store(data_home: &Path) -> PathBuf {
    data_home.join("plugins")
}

/// The store of the project in `folder`.
pub fn project_store(folder: &Path) -> PathBuf {
    folder.join(".olive/plugins")
}

/// The key under which generations of projects' stores are sealed.
pub(crate) fn seal_key(data_home: &Path) -> PathBuf {
    data_home.join("seal.key")
}
