//! Describing plugins once: a worker or the sandbox asks, the answer is kept by the file's digest.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use olive_plugin_api::version;
use olive_sandbox::Failure;
use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::error::PluginError;
use olive_schemas::protocol::Call;
use olive_schemas::validation::ValidatorDescriptor;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::component::{BrokenValidator, InstalledValidator, Runtime};
use super::digest::Digests;
use super::manifest::Manifest;
use super::process::{self, Supervision};
use super::{CatalogError, InstalledPlugin, Origin};
use crate::store::files::write_atomically;

/// Descriptions kept in the user's cache.
///
/// ```text
/// <cache home>/plugins/v1/files.json               digests of files by path, size and time
/// <cache home>/plugins/v1/<digest>.json            what a library says about itself
/// <cache home>/plugins/v1/<digest>.validator.json  what a component says about itself
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

    /// What the library or manifest at `path` provides.
    ///
    /// # Errors
    /// When the file cannot be read, or is no plugin that fits this host.
    pub fn describe(&mut self, path: &Path) -> Result<InstalledPlugin, CatalogError> {
        let digest = if Manifest::is_at(path) {
            let digest = Manifest::read(path).and_then(|plugin| plugin.digest(&mut self.digests));
            digest.map_err(|error| CatalogError::Unusable { path: path.to_owned(), error })?
        } else {
            self.digest(path)?
        };
        let known = self.folder.join(format!("{digest}.json"));
        let kept = read(&known).filter(|kept: &PluginDescriptor| is_current(path, kept));
        let descriptor = if let Some(descriptor) = kept {
            descriptor
        } else {
            let descriptor = ask(path)?;
            self.keep(&known, &descriptor);
            descriptor
        };
        Ok(InstalledPlugin {
            path: path.to_owned(),
            digest,
            descriptor,
            origin: Origin::Folder,
            packed: None,
            shadows: Vec::new(),
        })
    }

    /// What the component at `path` provides, as `runtime` learns it when nobody knows yet.
    ///
    /// # Errors
    /// When the file cannot be read; inside, when it is no validator that fits this host.
    pub fn describe_component(
        &mut self,
        path: &Path,
        runtime: &Runtime,
    ) -> Result<Result<InstalledValidator, BrokenValidator>, CatalogError> {
        let digest = self.digest(path)?;
        let known = self.folder.join(format!("{digest}.validator.json"));
        let component = runtime.component(path, None);
        let said = Said::kept(&known).unwrap_or_else(|| {
            let said = Said::of(component.describe());
            self.keep(&known, &said);
            said
        });
        let path = path.to_owned();
        Ok(match said.answer {
            Ok(descriptor) => Ok(InstalledValidator::new(path, digest, descriptor, component)),
            Err(failure) => Err(BrokenValidator { path, failure }),
        })
    }

    /// Writes what was learned, for the next run.
    pub fn save(&self) {
        self.digests.save();
    }

    fn digest(&mut self, path: &Path) -> Result<String, CatalogError> {
        let digest = self.digests.file(path);
        digest.map_err(|source| CatalogError::Io { path: path.to_owned(), source })
    }

    /// Keeps a description; a failure costs only time and is not told.
    fn keep(&self, path: &Path, descriptor: &impl Serialize) {
        if let Ok(bytes) = serde_json::to_vec_pretty(descriptor)
            && fs::create_dir_all(&self.folder).is_ok()
        {
            let _ = write_atomically(path, &bytes);
        }
    }
}

/// What a component said about itself, or why it did not, to a version of Olive.
#[derive(Serialize, Deserialize)]
struct Said {
    olive: String,
    answer: Result<ValidatorDescriptor, Failure>,
}

impl Said {
    /// How long a failure is believed: the next time the machine may be less busy.
    const FAILURE: Duration = Duration::from_hours(1);

    fn of(answer: Result<ValidatorDescriptor, Failure>) -> Self {
        Self { olive: env!("CARGO_PKG_VERSION").to_owned(), answer }
    }

    /// What is kept at `path`, when it can still be believed.
    fn kept(path: &Path) -> Option<Self> {
        let said: Self = read(path)?;
        let age = || fs::metadata(path).ok()?.modified().ok()?.elapsed().ok();
        let is_fresh = said.answer.is_ok() || age().is_some_and(|age| age < Self::FAILURE);
        (said.olive == env!("CARGO_PKG_VERSION") && is_fresh).then_some(said)
    }
}

/// Whether what a plugin said once can still be believed; manifests are checked each time.
fn is_current(path: &Path, kept: &PluginDescriptor) -> bool {
    Manifest::is_at(path) || version::check(&kept.api_version).is_ok()
}

/// What is kept at `path`; nothing when it cannot be understood.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn ask(path: &Path) -> Result<PluginDescriptor, CatalogError> {
    let unusable = |error| CatalogError::Unusable { path: path.to_owned(), error };
    let call = Call::Describe { plugin: path.to_owned().into() };
    let report = process::run(&call, 1, &Supervision::unheard());
    let value = report.result.map_err(|failure| unusable(failure.into_error()))?;
    serde_json::from_value(value)
        .map_err(|error| unusable(PluginError::new("descriptor", format!("descriptor: {error}"))))
}
