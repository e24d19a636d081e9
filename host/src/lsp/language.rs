//! What configs may say, with the plugins that are installed.

use std::path::PathBuf;

use serde_json::Value;

use crate::config::language;
use crate::host::cache_home;
use crate::plugin::{Catalog, CatalogError};

/// What configs may say.
pub(super) struct Language {
    /// The installed plugins.
    pub(super) catalog: Catalog,
    /// Schema of a whole config.
    pub(super) schema: Value,
}

impl Language {
    /// The language with the plugins beside the program and in `folders`.
    pub(super) fn discover(folders: &[PathBuf]) -> Result<Self, CatalogError> {
        Ok(Self::with(Catalog::discover(folders, &cache_home())?))
    }

    /// The language with the plugins of `catalog`.
    pub(super) fn with(catalog: Catalog) -> Self {
        let schema = language::schema(&catalog);
        Self { catalog, schema }
    }
}
