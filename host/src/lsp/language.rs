//! What configs may say, with the plugins that are installed.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::language;
use crate::host::cache_home;
use crate::plugin::{Catalog, CatalogError, Places};

/// What configs may say.
pub(super) struct Language {
    /// The installed plugins.
    pub(super) catalog: Catalog,
    /// Schema of a whole config.
    pub(super) schema: Value,
}

impl Language {
    /// The language with the plugins beside the program, of packs of the user and of the project in
    /// the folder `project`, and in `folders`.
    pub(super) fn discover(folders: &[PathBuf], project: &Path) -> Result<Self, CatalogError> {
        Ok(Self::with(Catalog::discover(&Places::of(project, folders), &cache_home())?))
    }

    /// The language with the plugins of `catalog`.
    pub(super) fn with(catalog: Catalog) -> Self {
        let schema = language::schema(&catalog);
        Self { catalog, schema }
    }
}

/// The folder that editors start the server in: that of the project.
pub(super) fn working_folder() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}
