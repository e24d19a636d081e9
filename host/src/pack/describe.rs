//! The plugins among the members of a pack, and what they say about themselves.
//!
//! A plugin is described by its file for this machine; where there is none, by the descriptor that
//! the author gives.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use olive_packs::PackError;
use olive_plugin_api::version;
use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::pack::{ANY_TARGET, PackPlugin, PackProvider, PluginKind, Provides};
use olive_schemas::validation::ValidatorDescriptor;
use semver::{Version, VersionReq};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::group::{self, Group};
use super::recipe::Recipe;
use super::refused;
use super::stage::Stage;
use crate::error::Error;
use crate::home::cache_home;
use crate::plugin::CatalogError;
use crate::plugin::component::{BrokenValidator, Runtime, as_plugin};
use crate::plugin::describe::Descriptions;

/// A plugin as the manifest lists it, and what decides about the pack.
#[derive(Debug)]
pub(super) struct Described {
    /// The plugin.
    pub(super) plugin: PackPlugin,
    /// Its version; none of an execution provider.
    pub(super) version: Option<String>,
    /// Plugin API that it was built against; only of a native plugin.
    pub(super) api: Option<String>,
    /// The member that this machine runs it by, if it can.
    pub(super) here: Option<String>,
}

/// The plugins of a pack. What each says about itself becomes a member too.
///
/// # Errors
/// When there is none, one cannot be described, two are called the same, or the recipe names files
/// that are not there.
pub(super) fn plugins(
    recipe: &Recipe,
    given: &BTreeMap<String, PathBuf>,
    stage: &mut Stage,
    target: &str,
) -> Result<Vec<Described>, Error> {
    let groups = match &recipe.content.plugins {
        Some(_) => group::named(recipe, stage)?,
        None => group::found(recipe, stage)?,
    };
    let mut reader = Reader {
        descriptions: Descriptions::open(&cache_home()),
        runtime: Runtime::new(&cache_home()),
        recipe,
        given,
        target,
    };
    let mut described: Vec<Described> = Vec::new();
    for group in groups {
        let new = reader.read(group, stage)?;
        if let Some(known) = described.iter().find(|known| known.plugin.id == new.plugin.id) {
            let message = format!(
                "`{}` and `{}` are two plugins that are called `{}`",
                entry_shown(&known.plugin, stage),
                entry_shown(&new.plugin, stage),
                new.plugin.id
            );
            return Err(refused("pack-twins", message, "leave one of them out, or rename it"));
        }
        described.push(new);
    }
    bring_providers(recipe, &mut described)?;
    described.extend(providers(recipe, stage)?);
    if described.is_empty() {
        let folder = recipe.shown(&recipe.folder);
        let message = format!("`{}` holds no built plugin to pack", folder.display());
        let help = format!(
            "build it first: olive plugin build {}; or name the folder with what is built as `dist`",
            folder.display()
        );
        return Err(refused("pack-empty", message, help));
    }
    Ok(described)
}

/// Version of the pack: the recipe's, else the one that all plugins have.
///
/// # Errors
/// When there is no such version.
pub(super) fn version(recipe: &Recipe, described: &[Described]) -> Result<String, Error> {
    if let Some(version) = &recipe.content.version {
        return Ok(version.clone());
    }
    let mut versions: Vec<&str> =
        described.iter().filter_map(|one| one.version.as_deref()).collect();
    versions.sort_unstable();
    versions.dedup();
    let message = match versions[..] {
        [version] => return Ok(version.to_owned()),
        [] => "the pack has no version, and nothing in it has one".to_owned(),
        _ => format!("the plugins have different versions: {}", versions.join(", ")),
    };
    Err(recipe.refuse("", "pack-version", message, "add `version`"))
}

/// Range of plugin APIs that the pack fits: the recipe's, else from the newest that a plugin is
/// built against up to the next major version.
///
/// # Errors
/// When the recipe's range leaves out what a plugin is built against.
pub(super) fn api(recipe: &Recipe, described: &[Described]) -> Result<String, Error> {
    let built = described.iter().filter_map(|one| {
        let api = Version::parse(one.api.as_deref()?).ok()?;
        Some((api, &one.plugin.id))
    });
    let newest = built.max();
    match (&recipe.content.api, newest) {
        (None, None) => Ok("*".to_owned()),
        (None, Some((api, _))) => Ok(format!(">={api}, <{}.0.0", api.major + 1)),
        (Some(range), None) => Ok(range.clone()),
        (Some(range), Some((api, id))) => {
            if VersionReq::parse(range).is_ok_and(|range| range.matches(&api)) {
                return Ok(range.clone());
            }
            let message = format!(
                "\"{range}\" leaves out {api}, the plugin API that `{id}` is built against"
            );
            Err(recipe.refuse("/api", "pack-api", message, "widen it, or leave it out"))
        }
    }
}

/// The execution providers that the recipe names.
fn providers(recipe: &Recipe, stage: &Stage) -> Result<Vec<Described>, Error> {
    let mut described = Vec::new();
    for (index, provider) in recipe.content.execution_providers.iter().enumerate() {
        let pointer = format!("/execution_providers/{index}");
        let entry = group::entries(recipe, stage, &pointer, &provider.entry)?;
        let name = provider.name.clone();
        let provides = Provides { execution_providers: vec![name.clone()], ..Provides::default() };
        let plugin = PackPlugin {
            id: name.clone(),
            kind: PluginKind::OrtEp,
            provides,
            descriptor: None,
            entry,
            execution_provider: Some(PackProvider {
                name,
                devices: provider.devices.clone(),
                onnxruntime: provider.onnxruntime.clone(),
            }),
        };
        described.push(Described { plugin, version: None, api: None, here: None });
    }
    Ok(described)
}

/// Adds the execution providers that plugins bring inside their runtime.
fn bring_providers(recipe: &Recipe, described: &mut [Described]) -> Result<(), Error> {
    for (id, names) in &recipe.content.built_in_providers {
        let Some(one) = described.iter_mut().find(|one| one.plugin.id == *id) else {
            let message = format!("no plugin of the pack is called `{id}`");
            let help = "name a plugin as `olive plugin list` does";
            return Err(recipe.refuse("/built_in_providers", "pack-provider", message, help));
        };
        let provides = Provides { execution_providers: names.clone(), ..Provides::default() };
        one.plugin.provides.extend(&provides);
    }
    Ok(())
}

fn entry_shown(plugin: &PackPlugin, stage: &Stage) -> String {
    let path = plugin.entry.values().next().map(|path| stage.shown(path));
    path.unwrap_or_default().display().to_string()
}

/// Learns what plugins say about themselves.
struct Reader<'a> {
    descriptions: Descriptions,
    runtime: Runtime,
    recipe: &'a Recipe,
    given: &'a BTreeMap<String, PathBuf>,
    target: &'a str,
}

impl Reader<'_> {
    fn read(&mut self, group: Group, stage: &mut Stage) -> Result<Described, Error> {
        let here = group.entry.get(self.target).or_else(|| group.entry.get(ANY_TARGET)).cloned();
        if group.kind == PluginKind::Wasm {
            let descriptor = match &here {
                Some(path) => self.component(path, stage)?,
                None => self.given(&group, stage)?,
            };
            let ValidatorDescriptor { id, version, validates, .. } = &descriptor;
            let validators = Some(id.clone()).filter(|_| *validates).into_iter().collect();
            let provides = Provides { validators, ..provides(&as_plugin(&descriptor)) };
            let (id, version) = (id.clone(), version.clone());
            return finish(group, here, (&id, version, None), provides, &descriptor, stage);
        }
        let descriptor = match &here {
            Some(path) => self.plugin(path, stage)?,
            None => {
                let given = self.given::<PluginDescriptor>(&group, stage)?;
                if group.kind == PluginKind::Native {
                    version::check(&given.api_version).map_err(|error| {
                        let message = format!("plugin `{}` cannot be packed: {error}", given.name);
                        PackError::refused("pack-api", message)
                    })?;
                }
                given
            }
        };
        let PluginDescriptor { name, version, api_version, .. } = &descriptor;
        let api = (group.kind == PluginKind::Native).then(|| api_version.clone());
        let (id, version) = (name.clone(), version.clone());
        finish(group, here, (&id, version, api), provides(&descriptor), &descriptor, stage)
    }

    fn plugin(&mut self, path: &str, stage: &Stage) -> Result<PluginDescriptor, Error> {
        let described = self.descriptions.describe(&stage.path(path));
        let shown = stage.shown(path);
        let described = described.map_err(|error| match error {
            CatalogError::Unusable { error, .. } => CatalogError::Unusable { path: shown, error },
            other => other,
        });
        Ok(described?.descriptor)
    }

    fn component(&mut self, path: &str, stage: &Stage) -> Result<ValidatorDescriptor, Error> {
        let said = self.descriptions.describe_component(&stage.path(path), &self.runtime)?;
        let broken = |BrokenValidator { failure, .. }| {
            CatalogError::Validator(BrokenValidator { path: stage.shown(path), failure })
        };
        Ok(said.map_err(broken)?.descriptor)
    }

    /// What the author says about a plugin that this machine cannot ask.
    fn given<T: DeserializeOwned>(&self, group: &Group, stage: &Stage) -> Result<T, Error> {
        let named =
            self.given.iter().find(|(id, _)| id.replace('-', "_") == group.stem.replace('-', "_"));
        let Some((id, path)) = named else {
            let file = group.entry.values().next().map(|path| stage.shown(path));
            let message = format!(
                "`{}` is a plugin for {} only, and cannot be asked what it provides on {}",
                file.unwrap_or_default().display(),
                group.entry.keys().cloned().collect::<Vec<_>>().join(", "),
                self.target
            );
            let help = format!(
                "add its build for this machine, or pack it on that one and put `schemas/ID.json` \
                 of that pack into `dist/schemas/{}.json`",
                group.stem.replace('_', "-")
            );
            return Err(refused("pack-undescribed", message, help));
        };
        let bytes = fs::read(path).map_err(PackError::io("read", path))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let shown = self.recipe.shown(path);
            let message = format!("`{}` is no descriptor of `{id}`: {error}", shown.display());
            refused("pack-undescribed", message, "take it out of a pack made on that machine")
        })
    }
}

fn finish(
    group: Group,
    here: Option<String>,
    (id, version, api): (&str, String, Option<String>),
    provides: Provides,
    descriptor: &impl Serialize,
    stage: &mut Stage,
) -> Result<Described, Error> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || id.starts_with('.') || !id.bytes().all(is_name) {
        let file = group.entry.values().next().map(|path| stage.shown(path)).unwrap_or_default();
        let message = format!(
            "`{}` calls itself `{}`, which is no name of a plugin",
            file.display(),
            id.escape_debug()
        );
        return Err(refused("pack-name", message, "name it by letters, digits, `-` and `_`"));
    }
    let path = format!("schemas/{id}.json");
    let mut text = serde_json::to_vec_pretty(descriptor)
        .map_err(|error| PackError::refused("pack-undescribed", format!("`{id}`: {error}")))?;
    text.push(b'\n');
    stage.write(&path, &text)?;
    let plugin = PackPlugin {
        id: id.to_owned(),
        kind: group.kind,
        provides,
        descriptor: Some(path),
        entry: group.entry,
        execution_provider: None,
    };
    Ok(Described { plugin, version: Some(version), api, here })
}

/// Names of what a plugin provides.
fn provides(descriptor: &PluginDescriptor) -> Provides {
    let PluginDescriptor { passes, evaluators, generators, sources, systems, .. } = descriptor;
    let PluginDescriptor { previewers, packagers, .. } = descriptor;
    let mut sorted = Provides::default();
    sorted.extend(&Provides {
        passes: passes.iter().map(|one| one.name.clone()).collect(),
        evaluators: evaluators.iter().map(|one| one.name.clone()).collect(),
        generators: generators.iter().map(|one| one.name.clone()).collect(),
        sources: sources.iter().map(|one| one.name.clone()).collect(),
        systems: systems.iter().map(|one| one.name.clone()).collect(),
        previewers: previewers.iter().map(|one| one.name.clone()).collect(),
        packagers: packagers.iter().map(|one| one.name.clone()).collect(),
        ..Provides::default()
    });
    sorted
}
