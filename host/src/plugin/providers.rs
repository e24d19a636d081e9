//! Execution providers of ONNX Runtime that installed packs have.
//!
//! A provider is a library of its own, which the runtime is told to load, or it is built into the
//! runtime that a plugin of the pack brings along; then the pack only says so. Which devices it
//! finds on a machine only the runtime can tell: see the evaluators' `prepare`.

use olive_packs::installed::InstalledPack;
use olive_schemas::pack::{PackPlugin, PluginKind};
use olive_schemas::step::{Device, ProviderLibrary};

use super::packs::TARGET;
use super::packs::members::{digest, packed};
use super::{Catalog, PackOrigin};

/// An execution provider that an installed pack has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledProvider {
    /// Name that configs use, such as `OpenVINOExecutionProvider`.
    pub name: String,
    /// Where it is from.
    pub origin: PackOrigin,
    /// Its library; none when it is built into the runtime that the pack brings.
    pub library: Option<LibraryOfProvider>,
}

/// The library of an execution provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryOfProvider {
    /// The library, as steps are told.
    pub library: ProviderLibrary,
    /// Digest of all that it may load.
    pub digest: String,
    /// Devices it can run on.
    pub devices: Vec<Device>,
    /// Versions of ONNX Runtime that it fits.
    pub onnxruntime: String,
}

impl InstalledProvider {
    /// A provider of `pack` for this machine.
    fn of(pack: &InstalledPack, plugin: &PackPlugin, name: &str) -> Option<Self> {
        let (target, entry) = plugin.entry_for(TARGET)?;
        let library = plugin.execution_provider.as_ref().map(|provider| LibraryOfProvider {
            library: ProviderLibrary {
                path: pack.folder.join(entry),
                packed: Some(packed(pack, entry)),
            },
            digest: digest(&pack.manifest, target),
            devices: provider.devices.clone(),
            onnxruntime: provider.onnxruntime.clone(),
        });
        Some(Self { name: name.to_owned(), origin: PackOrigin::of(pack), library })
    }

    /// Devices it can run on; empty when its pack does not say.
    pub fn devices(&self) -> &[Device] {
        self.library.as_ref().map_or(&[], |library| &library.devices)
    }
}

/// The execution providers that `pack` has for this machine.
pub fn of_pack(pack: &InstalledPack) -> Vec<InstalledProvider> {
    let plugins = pack.manifest.plugins.iter();
    let provided = plugins.flat_map(|plugin| {
        let own = plugin.execution_provider.iter().map(|provider| &provider.name);
        let built_in =
            plugin.provides.execution_providers.iter().filter(|_| plugin.kind != PluginKind::OrtEp);
        own.chain(built_in).filter_map(|name| InstalledProvider::of(pack, plugin, name))
    });
    provided.collect()
}

impl Catalog {
    /// The execution providers of installed packs, from the lowest precedence to the highest.
    pub fn providers(&self) -> Vec<InstalledProvider> {
        self.packs().iter().flat_map(of_pack).collect()
    }

    /// The execution provider called `name`; of several, that of the highest precedence.
    pub fn provider(&self, name: &str) -> Option<InstalledProvider> {
        self.packs().iter().rev().flat_map(of_pack).find(|provider| provider.name == name)
    }
}
