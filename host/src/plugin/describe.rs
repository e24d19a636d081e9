//! Describing plugins once: a worker asks, the answer is kept by the library's digest.

use std::fs;
use std::path::{Path, PathBuf};

use olive_plugin_api::version;
use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::error::PluginError;
use olive_schemas::protocol::Call;

use super::digest::Digests;
use super::process::{self, Supervision};
use super::{CatalogError, InstalledPlugin};
use crate::store::files::write_atomically;

/// Descriptions kept in the user's cache.
///
/// ```text
/// <cache home>/plugins/v1/files.json       digests of libraries by path, size and time
/// <cache home>/plugins/v1/<digest>.json    what the library says about itself
/// ```
pub struct Descriptions {
    folder: PathBuf,
    digests: Digests,
}

impl Descriptions {
    /// The descriptions under `cache_home`.
    pub fn open(cache_home: &Path) -> Self {
        let folder = cache_home.join("plugins/v1");
        let digests = Digests::open(folder.join("files.json"));
        Self { folder, digests }
    }

    /// What the library at `path` provides.
    ///
    /// # Errors
    /// When the file cannot be read, or is no plugin that fits this host.
    pub fn describe(&mut self, path: &Path) -> Result<InstalledPlugin, CatalogError> {
        let digest = self
            .digests
            .file(path)
            .map_err(|source| CatalogError::Io { path: path.to_owned(), source })?;
        let known = self.folder.join(format!("{digest}.json"));
        let kept = fs::read(&known).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let kept = kept.filter(|kept: &PluginDescriptor| version::check(&kept.api_version).is_ok());
        let descriptor = if let Some(descriptor) = kept {
            descriptor
        } else {
            let descriptor = ask(path)?;
            self.keep(&known, &descriptor);
            descriptor
        };
        Ok(InstalledPlugin { path: path.to_owned(), digest, descriptor })
    }

    /// Writes what was learned, for the next run.
    pub fn save(&self) {
        self.digests.save();
    }

    /// Keeps a description; a failure costs only time and is not told.
    fn keep(&self, path: &Path, descriptor: &PluginDescriptor) {
        if let Ok(bytes) = serde_json::to_vec_pretty(descriptor)
            && fs::create_dir_all(&self.folder).is_ok()
        {
            let _ = write_atomically(path, &bytes);
        }
    }
}

fn ask(path: &Path) -> Result<PluginDescriptor, CatalogError> {
    let unusable = |error| CatalogError::Unusable { path: path.to_owned(), error };
    let call = Call::Describe { plugin: path.to_owned() };
    let report = process::run(&call, 1, &Supervision::unheard());
    let value = report.result.map_err(|failure| unusable(failure.into_error()))?;
    serde_json::from_value(value)
        .map_err(|error| unusable(PluginError::new("descriptor", format!("descriptor: {error}"))))
}
