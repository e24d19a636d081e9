//! Plugins: found, described through a worker or the sandbox, looked up by name.

mod program;
mod read_ahead;
pub mod digest;
pub mod discover;
pub mod native;
pub mod manifest;
pub mod process;
pub mod component;
pub mod describe;
pub mod packs;
pub mod origin;
pub mod providers;
pub mod catalog;
mod places;

pub use catalog::{Catalog, CustomEntry, InstalledPlugin, PassEntry, Places};
pub use component::InstalledValidator;
pub use origin::{Origin, PackOrigin};

use std::path::PathBuf;

use olive_schemas::error::PluginError;
use thiserror::Error;

/// Why a plugin could not be used.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// A folder of plugins cannot be read.
    #[error("cannot read the plugins of folder `{}`: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A plugin cannot be read.
    #[error("cannot read plugin `{}`: {source}", path.display())]
    Io {
        /// The library.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The library cannot be loaded or described.
    #[error("cannot use plugin `{}`: {error}", path.display())]
    Unusable {
        /// The library.
        path: PathBuf,
        /// Why.
        error: PluginError,
    },
    /// Two plugins have something of the same name that is chosen by name.
    #[error("{what} `{name}` is in `{}` and in `{}`", first.display(), second.display())]
    Ambiguous {
        /// What it is, such as `pass` or `command`.
        what: &'static str,
        /// Its name.
        name: String,
        /// A plugin that has it.
        first: PathBuf,
        /// Another one.
        second: PathBuf,
    },
    /// A validator cannot be used.
    #[error("cannot use {0}")]
    Validator(component::BrokenValidator),
    /// Two validators have the same id.
    #[error("validator `{id}` is in `{}` and in `{}`", first.display(), second.display())]
    Twins {
        /// The id.
        id: String,
        /// A component that has it.
        first: PathBuf,
        /// Another one.
        second: PathBuf,
    },
    /// No installed plugin does what is asked for.
    #[error("{what}")]
    Absent {
        /// What is missing.
        what: String,
        /// What to try.
        help: Option<String>,
    },
}

impl CatalogError {
    /// What to try.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Unusable { error, .. } => error.help.as_deref(),
            Self::Validator(broken) => Some(broken.help()),
            Self::Ambiguous { .. } | Self::Twins { .. } => Some("remove one of them"),
            Self::Absent { help, .. } => help.as_deref(),
            Self::Io { .. } | Self::Folder { .. } => None,
        }
    }
}
