//! What an installed pack brings, by what its descriptors say; nothing of it is run or loaded.

use std::collections::BTreeMap;

use olive_packs::PackError;
use olive_packs::installed::InstalledPack;
use olive_plugin_api::version;
use olive_schemas::pack::{ANY_TARGET, PackManifest, PackPlugin, PluginKind};
use olive_schemas::protocol::Packed;
use olive_schemas::validation::ValidatorDescriptor;
use serde::de::DeserializeOwned;

use super::TARGET;
use crate::plugin::component::Runtime;
use crate::plugin::{InstalledPlugin, InstalledValidator, Origin, PackOrigin};

/// What an installed pack brings.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// Native and process plugins, and the passes of components.
    pub(crate) plugins: Vec<InstalledPlugin>,
    /// Components that read workflows.
    pub(crate) validators: Vec<InstalledValidator>,
}

/// What `pack` brings for this machine, in the order of its manifest.
///
/// # Errors
/// When a plugin is not as its descriptor says, or has none.
pub(crate) fn members(pack: &InstalledPack, runtime: &Runtime) -> Result<Members, PackError> {
    let mut members = Members::default();
    let origin = PackOrigin::of(pack);
    for plugin in &pack.manifest.plugins {
        let Some((target, entry)) = plugin.entry_for(TARGET) else { continue };
        let path = pack.folder.join(entry);
        let digest = digest(&pack.manifest, target);
        let origin = Origin::Pack(origin.clone());
        match plugin.kind {
            PluginKind::Native | PluginKind::Process => {
                let descriptor = descriptor(pack, plugin)?;
                let installed = InstalledPlugin {
                    path,
                    digest,
                    descriptor,
                    origin,
                    packed: Some(packed(pack, entry)),
                    shadows: Vec::new(),
                };
                check_plugin(pack, plugin, &installed)?;
                members.plugins.push(installed);
            }
            PluginKind::Wasm => {
                let descriptor: ValidatorDescriptor = descriptor(pack, plugin)?;
                check_id(pack, plugin, &descriptor.id)?;
                let packed = packed(pack, entry);
                let component = runtime.component(&path, Some(&packed));
                let component = InstalledValidator::new(path, digest, descriptor, component);
                let component = component.from(origin);
                members.plugins.extend(component.with_passes());
                members
                    .validators
                    .extend(Some(component).filter(InstalledValidator::reads_workflows));
            }
            // What an execution provider is stands in the manifest.
            PluginKind::OrtEp => {}
        }
    }
    Ok(members)
}

/// What the plugin says about itself, by the pack.
fn descriptor<T: DeserializeOwned>(
    pack: &InstalledPack,
    plugin: &PackPlugin,
) -> Result<T, PackError> {
    let Some(text) = pack.descriptors.get(&plugin.id) else {
        return Err(broken(pack, format!("plugin `{}` has no descriptor", plugin.id)));
    };
    serde_json::from_slice(text)
        .map_err(|error| broken(pack, format!("the descriptor of `{}`: {error}", plugin.id)))
}

fn check_plugin(
    pack: &InstalledPack,
    plugin: &PackPlugin,
    installed: &InstalledPlugin,
) -> Result<(), PackError> {
    check_id(pack, plugin, &installed.descriptor.name)?;
    if plugin.kind == PluginKind::Native {
        let fits = version::check(&installed.descriptor.api_version);
        fits.map_err(|error| broken(pack, format!("plugin `{}`: {error}", plugin.id)))?;
    }
    Ok(())
}

fn check_id(pack: &InstalledPack, plugin: &PackPlugin, name: &str) -> Result<(), PackError> {
    if name == plugin.id {
        return Ok(());
    }
    Err(broken(pack, format!("the descriptor of plugin `{}` is of `{name}`", plugin.id)))
}

fn broken(pack: &InstalledPack, what: String) -> PackError {
    let name = &pack.active.name;
    PackError::refused("pack-broken", what)
        .with_help(format!("install another version, or `olive plugin remove {name}`"))
}

/// What the files of the plugin at `entry` must be: those of its folder.
pub(crate) fn packed(pack: &InstalledPack, entry: &str) -> Packed {
    let folder = entry.rsplit_once('/').map_or("", |(folder, _)| folder);
    let files = pack.manifest.files_of(folder).map(|file| {
        let name = file.path[folder.len()..].trim_start_matches('/').to_owned();
        (name, file.sha256.clone())
    });
    Packed { pack: super::label(&pack.active), files: files.collect() }
}

/// Digest of everything that a plugin of `target` may load: the files of the target, and those of
/// every target. Two builds of a library that a plugin uses are two plugins to the keys of steps.
pub(crate) fn digest(manifest: &PackManifest, target: &str) -> String {
    let of_target = manifest.files_of(target);
    let files: BTreeMap<&str, &str> = of_target
        .chain(manifest.files_of(ANY_TARGET))
        .map(|file| (file.path.as_str(), file.sha256.as_str()))
        .collect();
    let mut hasher = blake3::Hasher::new();
    for (path, sha256) in files {
        hasher.update(path.as_bytes());
        hasher.update(&[0]);
        hasher.update(sha256.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
