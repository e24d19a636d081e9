//! How the catalog comes about: plugins of all places, where a higher place goes before a lower.
//!
//! ```text
//! beside the program < packs of the user < packs of the project < folders that the user names
//! ```
//!
//! A plugin takes the place of one with its name in a lower place. What is chosen by name (passes,
//! sources, systems, packagers, commands, evaluators of custom metrics) may be in one plugin only: a
//! pack that breaks this is broken as a whole, and the program goes on; in a folder that the user
//! names it is an error.

use std::iter;
use std::path::{Path, PathBuf};

use olive_packs::PackError;
use olive_packs::installed::{self, BrokenPack, Installed, InstalledPack};
use olive_packs::store::Store;
use olive_schemas::descriptor::PluginDescriptor;

use super::{Catalog, InstalledPlugin};
use crate::plugin::component::{InstalledValidator, Runtime};
use crate::plugin::describe::Descriptions;
use crate::plugin::packs::lookup::Lookup;
use crate::plugin::packs::members::{Members, members};
use crate::plugin::packs::{self, machine};
use crate::plugin::{CatalogError, Origin, PackOrigin, discover};

/// Where plugins are looked for, besides beside the program.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Stores of packs, from the lowest precedence to the highest.
    pub stores: Vec<Store>,
    /// Folders that the user names.
    pub folders: Vec<PathBuf>,
}

impl Places {
    /// The packs of the user and of the project in the folder `project`, and `folders`.
    pub fn of(project: &Path, folders: &[PathBuf]) -> Self {
        Self { stores: packs::stores(Some(project)), folders: folders.to_owned() }
    }
}

impl Catalog {
    /// Finds the plugins of all places. Those of packs are known by their descriptors, others are
    /// described once.
    ///
    /// A broken plugin beside the program is remembered and told when something is missing; a broken
    /// pack is remembered.
    ///
    /// # Errors
    /// When a folder cannot be read, one of its files is no plugin that fits, or two plugins beside
    /// the program or in folders have a pass or validators an id of the same name.
    pub fn discover(places: &Places, cache_home: &Path) -> Result<Self, CatalogError> {
        let mut descriptions = Descriptions::open(cache_home);
        let runtime = Runtime::new(cache_home);
        let stores = places.stores.clone();
        let lookup = (!stores.is_empty()).then(Lookup::default);
        let mut catalog = Self { stores, lookup, ..Self::default() };
        catalog.add_program(&mut descriptions, &runtime)?;
        catalog.add_packs(&runtime);
        for folder in &places.folders {
            catalog.add_folder(folder, &mut descriptions, &runtime)?;
        }
        descriptions.save();
        Ok(catalog)
    }

    fn add_program(
        &mut self,
        descriptions: &mut Descriptions,
        runtime: &Runtime,
    ) -> Result<(), CatalogError> {
        let found = discover::beside_program();
        for path in found.libraries.iter().chain(&found.manifests) {
            match descriptions.describe(path) {
                Ok(plugin) => self.add(InstalledPlugin { origin: Origin::Program, ..plugin })?,
                Err(problem) => self.problems.push(problem),
            }
        }
        for path in &found.components {
            match descriptions.describe_component(path, runtime) {
                Ok(Ok(component)) => self.add_component(component.from(Origin::Program))?,
                Ok(Err(broken)) => self.broken_validators.push(broken),
                Err(problem) => self.problems.push(problem),
            }
        }
        Ok(())
    }

    fn add_folder(
        &mut self,
        folder: &Path,
        descriptions: &mut Descriptions,
        runtime: &Runtime,
    ) -> Result<(), CatalogError> {
        let found = discover::in_folder(folder)?;
        for path in found.libraries.iter().chain(&found.manifests) {
            self.add(descriptions.describe(path)?)?;
        }
        for path in &found.components {
            match descriptions.describe_component(path, runtime)? {
                Ok(component) => self.add_component(component)?,
                Err(broken) => return Err(CatalogError::Validator(broken)),
            }
        }
        Ok(())
    }

    /// Adds the packs of the stores; what is wrong with one keeps neither others nor the program
    /// from going on.
    fn add_packs(&mut self, runtime: &Runtime) {
        if self.stores.is_empty() {
            return;
        }
        let Installed { packs, broken, problems } = match packs::trust() {
            Ok(trust) => installed::load(&self.stores, &trust, &machine()),
            Err(error) => Installed { problems: vec![error], ..Installed::default() },
        };
        self.installed = Installed { packs: Vec::new(), broken, problems };
        for pack in packs {
            let added = members(&pack, runtime).and_then(|members| self.add_pack(&pack, members));
            match added {
                Ok(()) => self.installed.packs.push(pack),
                Err(error) => self.installed.broken.push(BrokenPack {
                    active: pack.active,
                    scope: pack.scope,
                    error,
                }),
            }
        }
    }

    /// Adds all that `pack` brings, or nothing.
    fn add_pack(&mut self, pack: &InstalledPack, members: Members) -> Result<(), PackError> {
        for plugin in &members.plugins {
            if let Some((what, name, known)) = self.twin(plugin) {
                return Err(conflict(pack, what, &name, &known.path, &known.origin));
            }
            let twin = self.plugins.iter().find(|known| is_beside(plugin, known));
            if let Some(known) = twin {
                let name = &plugin.descriptor.name;
                return Err(conflict(pack, "plugin", name, &known.path, &known.origin));
            }
        }
        for validator in &members.validators {
            let is_twin = |known: &&InstalledValidator| {
                known.descriptor.id == validator.descriptor.id
                    && !is_above(&validator.origin, &known.origin)
            };
            if let Some(known) = self.validators.iter().find(is_twin) {
                let id = &validator.descriptor.id;
                return Err(conflict(pack, "validator", id, &known.path, &known.origin));
            }
        }
        members.plugins.into_iter().for_each(|plugin| self.put(plugin));
        members.validators.into_iter().for_each(|validator| self.put_validator(validator));
        Ok(())
    }

    /// Adds a plugin that is in no pack.
    fn add(&mut self, plugin: InstalledPlugin) -> Result<(), CatalogError> {
        let is_same = |known: &InstalledPlugin| {
            known.digest == plugin.digest && !is_above(&plugin.origin, &known.origin)
        };
        if self.plugins.iter().any(is_same) {
            return Ok(());
        }
        if let Some((what, name, known)) = self.twin(&plugin) {
            let first = known.path.clone();
            return Err(CatalogError::Ambiguous { what, name, first, second: plugin.path });
        }
        self.put(plugin);
        Ok(())
    }

    /// Adds a component that is in no pack: its passes, and what reads workflows.
    fn add_component(&mut self, component: InstalledValidator) -> Result<(), CatalogError> {
        if let Some(plugin) = component.with_passes() {
            self.add(plugin)?;
        }
        if component.reads_workflows() { self.add_validator(component) } else { Ok(()) }
    }

    /// Adds a validator that is in no pack.
    fn add_validator(&mut self, validator: InstalledValidator) -> Result<(), CatalogError> {
        let id = &validator.descriptor.id;
        let mut twins = self.validators.iter().filter(|known| known.descriptor.id == *id);
        match twins.find(|known| !is_above(&validator.origin, &known.origin)) {
            Some(known) if known.digest == validator.digest => Ok(()),
            Some(known) => Err(CatalogError::Twins {
                id: id.clone(),
                first: known.path.clone(),
                second: validator.path,
            }),
            None => {
                self.put_validator(validator);
                Ok(())
            }
        }
    }

    /// Adds `plugin` in place of those of its name in lower places.
    fn put(&mut self, mut plugin: InstalledPlugin) {
        self.plugins.retain(|known| {
            let is_shadowed = shadows(&plugin, known);
            if is_shadowed {
                plugin.shadows.push(format!("{} {}", known.label(), known.origin));
                plugin.shadows.extend(known.shadows.iter().cloned());
            }
            !is_shadowed
        });
        self.plugins.push(plugin);
    }

    /// Adds `validator` in place of that of its id in a lower place.
    fn put_validator(&mut self, mut validator: InstalledValidator) {
        self.validators.retain(|known| {
            let is_shadowed = known.descriptor.id == validator.descriptor.id;
            if is_shadowed {
                validator.shadows.push(format!("{} {}", known.label(), known.origin));
                validator.shadows.extend(known.shadows.iter().cloned());
            }
            !is_shadowed
        });
        self.validators.push(validator);
    }

    /// What of `new` has a name that another plugin's has already, unless it takes that one's place:
    /// what it is, the name, and the plugin. Generators and evaluators of Olive's own metrics are
    /// chosen by what they can do, not by name.
    fn twin(&self, new: &InstalledPlugin) -> Option<(&'static str, String, &InstalledPlugin)> {
        let PluginDescriptor { passes, sources, systems, packagers, .. } = &new.descriptor;
        let others = || self.plugins.iter().filter(|known| !shadows(new, known));
        let passes = passes.iter().map(|pass| ("pass", &pass.name));
        let sources = sources.iter().map(|source| ("source", &source.name));
        let systems = systems.iter().map(|system| ("system", &system.name));
        let packagers = packagers.iter().map(|packager| ("packager", &packager.name));
        let evaluators = custom(&new.descriptor).map(|name| ("evaluator", name));
        let commands = commands(&new.descriptor).map(|name| ("command", name));
        let named = passes.chain(sources).chain(systems).chain(packagers);
        let mut named = named.chain(evaluators).chain(commands);
        named.find_map(|(what, name)| {
            let known = others().find(|known| has(&known.descriptor, what, name))?;
            Some((what, name.clone(), known))
        })
    }
}

/// Whether `new` has the name of `known`, which is in a place that it does not go before.
fn is_beside(new: &InstalledPlugin, known: &InstalledPlugin) -> bool {
    new.descriptor.name == known.descriptor.name && !shadows(new, known)
}

/// Whether `plugin` takes the place of `known`.
fn shadows(plugin: &InstalledPlugin, known: &InstalledPlugin) -> bool {
    plugin.descriptor.name == known.descriptor.name && is_above(&plugin.origin, &known.origin)
}

/// Whether plugins of the one place go before those of the other.
fn is_above(one: &Origin, other: &Origin) -> bool {
    let rank = |origin: &Origin| match origin {
        Origin::Program => (0, None),
        Origin::Pack(PackOrigin { scope, .. }) => (1, Some(*scope)),
        Origin::Folder => (2, None),
    };
    rank(one) > rank(other)
}

/// Names of the evaluators of custom metrics.
fn custom(descriptor: &PluginDescriptor) -> impl Iterator<Item = &String> {
    let custom = descriptor.evaluators.iter().filter(|evaluator| evaluator.custom.is_some());
    custom.map(|evaluator| &evaluator.name)
}

/// Names of the commands of resources.
fn commands(descriptor: &PluginDescriptor) -> impl Iterator<Item = &String> {
    let resources = descriptor.systems.iter().flat_map(|system| &system.resources);
    resources.flat_map(|resource| iter::once(&resource.name).chain(&resource.alias))
}

/// Whether the plugin has a pass, source, packager, system, command or evaluator of custom metrics
/// of this name, without regard to case.
fn has(descriptor: &PluginDescriptor, what: &str, name: &str) -> bool {
    let is = |known: &String| known.eq_ignore_ascii_case(name);
    match what {
        "pass" => descriptor.passes.iter().any(|pass| is(&pass.name)),
        "source" => descriptor.sources.iter().any(|source| is(&source.name)),
        "evaluator" => custom(descriptor).any(is),
        "command" => commands(descriptor).any(is),
        "packager" => descriptor.packagers.iter().any(|packager| is(&packager.name)),
        _ => descriptor.systems.iter().any(|system| is(&system.name)),
    }
}

/// The error of a pack with something that another plugin has already.
fn conflict(
    pack: &InstalledPack,
    what: &str,
    name: &str,
    known: &Path,
    origin: &Origin,
) -> PackError {
    let known = match origin {
        Origin::Pack(other) => format!("`{}`", other.name),
        Origin::Program | Origin::Folder => format!("`{}` {origin}", known.display()),
    };
    let own = &pack.active.name;
    let help = format!("remove one of them, such as by `olive plugin remove {own}`");
    PackError::refused("pack-ambiguous", format!("{what} `{name}` is in `{own}` and in {known}"))
        .with_help(help)
}

#[cfg(test)]
mod tests;
