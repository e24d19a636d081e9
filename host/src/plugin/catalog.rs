//! The catalog: what the installed plugins provide, by name.

mod assemble;

pub use assemble::Places;

use std::path::PathBuf;

use olive_packs::PackError;
use olive_packs::installed::{BrokenPack, Installed, InstalledPack};
use olive_packs::store::{Scope, Store};

use olive_schemas::descriptor::{
    CustomMetrics, EvaluatorDescriptor, GeneratorDescriptor, PassDescriptor, PluginDescriptor,
    PreviewerDescriptor,
};
use olive_schemas::metric::MetricKind;
use olive_schemas::model::ModelKind;
use olive_schemas::protocol::{Callee, Packed};

use super::component::{self, BrokenValidator, InstalledValidator};
use super::packs::label;
use super::packs::lookup::Lookup;
use super::{CatalogError, Origin};

/// What the installed plugins provide.
#[derive(Debug, Default)]
pub struct Catalog {
    plugins: Vec<InstalledPlugin>,
    validators: Vec<InstalledValidator>,
    problems: Vec<CatalogError>,
    broken_validators: Vec<BrokenValidator>,
    installed: Installed,
    stores: Vec<Store>,
    lookup: Option<Lookup>,
}

/// A plugin and what it says about itself.
#[derive(Debug, Clone)]
pub struct InstalledPlugin {
    /// The library, the manifest of a process plugin, or the component.
    pub path: PathBuf,
    /// Digest of the library's content, or of the files that decide what the plugin does.
    pub digest: String,
    /// What it provides.
    pub descriptor: PluginDescriptor,
    /// Where it is from.
    pub origin: Origin,
    /// What its files must be, when it came in a pack.
    pub packed: Option<Packed>,
    /// Plugins of its name that are passed over for it: label and origin, for people.
    pub shadows: Vec<String>,
}

impl InstalledPlugin {
    /// `name@version`.
    pub fn label(&self) -> String {
        format!("{}@{}", self.descriptor.name, self.descriptor.version)
    }

    /// Whether it is a component, whose passes need a graph editor.
    pub fn is_component(&self) -> bool {
        component::is_at(&self.path)
    }

    /// The plugin as it is called.
    pub fn callee(&self) -> Callee {
        Callee { packed: self.packed.clone(), ..self.path.clone().into() }
    }
}

/// A pass and the plugin that has it.
#[derive(Debug, Clone, Copy)]
pub struct PassEntry<'a> {
    /// The plugin.
    pub plugin: &'a InstalledPlugin,
    /// The pass.
    pub descriptor: &'a PassDescriptor,
}

/// An evaluator that measures metrics of type `custom`, and the plugin that has it.
#[derive(Debug, Clone, Copy)]
pub struct CustomEntry<'a> {
    /// The plugin.
    pub plugin: &'a InstalledPlugin,
    /// The evaluator.
    pub descriptor: &'a EvaluatorDescriptor,
    /// What it measures.
    pub custom: &'a CustomMetrics,
}

impl Catalog {
    /// The installed plugins, from the lowest precedence to the highest.
    pub fn plugins(&self) -> &[InstalledPlugin] {
        &self.plugins
    }

    /// The installed validators, from the lowest precedence to the highest.
    pub fn validators(&self) -> &[InstalledValidator] {
        &self.validators
    }

    /// Validators beside the program that cannot be used.
    pub fn broken_validators(&self) -> &[BrokenValidator] {
        &self.broken_validators
    }

    /// Plugins that could not be used.
    pub fn problems(&self) -> &[CatalogError] {
        &self.problems
    }

    /// The packs that can be used, also those whose plugins are all passed over for others.
    pub fn packs(&self) -> &[InstalledPack] {
        &self.installed.packs
    }

    /// Packs that are installed and cannot be used.
    pub fn broken_packs(&self) -> &[BrokenPack] {
        &self.installed.broken
    }

    /// Why packs cannot be used as a whole.
    pub fn pack_problems(&self) -> &[PackError] {
        &self.installed.problems
    }

    /// Everything that cannot be used, and why, for people.
    pub fn all_problems(&self) -> impl Iterator<Item = String> {
        let plugins = self.problems.iter().map(ToString::to_string);
        let validators = self.broken_validators.iter().map(ToString::to_string);
        let stores = self.installed.problems.iter().map(told);
        let packs = self.installed.broken.iter().map(|pack| {
            let BrokenPack { active, scope, error } = pack;
            format!("pack {} ({}): {}", label(active), scope_name(*scope), told(error))
        });
        plugins.chain(validators).chain(stores).chain(packs)
    }

    /// All that is known of packs.
    pub fn installed(&self) -> &Installed {
        &self.installed
    }

    /// Where packs are looked up by what they have; not for a catalog without packs.
    pub(super) fn lookup(&self) -> Option<&Lookup> {
        self.lookup.as_ref()
    }

    /// The stores that packs were looked for in.
    pub fn stores(&self) -> &[Store] {
        &self.stores
    }

    /// Every pass.
    pub fn passes(&self) -> impl Iterator<Item = PassEntry<'_>> {
        self.plugins.iter().flat_map(|plugin| {
            plugin.descriptor.passes.iter().map(move |descriptor| PassEntry { plugin, descriptor })
        })
    }

    /// The plugin that shows and edits graphs for components; of several, the one found last.
    pub fn graph_editor(&self) -> Option<&InstalledPlugin> {
        self.plugins.iter().rev().find(|plugin| !plugin.descriptor.graph_editors.is_empty())
    }

    /// The pass called `name`, without regard to case.
    pub fn pass(&self, name: &str) -> Option<PassEntry<'_>> {
        self.passes().find(|pass| pass.descriptor.name.eq_ignore_ascii_case(name))
    }

    /// The evaluator that measures `metrics` of models of `kind`; the one found last, so that a
    /// folder the user names goes before what stands beside the program.
    pub fn evaluator(
        &self,
        kind: ModelKind,
        metrics: &[MetricKind],
    ) -> Option<(&InstalledPlugin, &EvaluatorDescriptor)> {
        let entries = self.plugins.iter().rev().flat_map(|plugin| {
            plugin.descriptor.evaluators.iter().map(move |evaluator| (plugin, evaluator))
        });
        entries.into_iter().find(|(_, evaluator)| {
            evaluator.accepts.contains(&kind)
                && !evaluator.metrics.is_empty()
                && metrics.iter().all(|metric| evaluator.metrics.contains(metric))
        })
    }

    /// Every evaluator that measures metrics of type `custom`.
    pub fn custom_evaluators(&self) -> impl Iterator<Item = CustomEntry<'_>> {
        let plugins = self.plugins.iter().rev();
        let evaluators = plugins.flat_map(|plugin| {
            plugin.descriptor.evaluators.iter().map(move |descriptor| (plugin, descriptor))
        });
        evaluators.filter_map(|(plugin, descriptor)| {
            let custom = descriptor.custom.as_ref()?;
            Some(CustomEntry { plugin, descriptor, custom })
        })
    }

    /// The one of them called `name`, without regard to case.
    pub fn custom_evaluator(&self, name: &str) -> Option<CustomEntry<'_>> {
        self.custom_evaluators().find(|one| one.descriptor.name.eq_ignore_ascii_case(name))
    }

    /// The generator that runs models of `kind`; of several, the one found last.
    pub fn generator(&self, kind: ModelKind) -> Option<(&InstalledPlugin, &GeneratorDescriptor)> {
        let entries = self.plugins.iter().rev().flat_map(|plugin| {
            plugin.descriptor.generators.iter().map(move |generator| (plugin, generator))
        });
        entries.into_iter().find(|(_, generator)| generator.accepts.contains(&kind))
    }

    /// The previewer for models of `kind`; of several, the one found last.
    pub fn previewer(&self, kind: ModelKind) -> Option<(&InstalledPlugin, &PreviewerDescriptor)> {
        let entries = self.plugins.iter().rev().flat_map(|plugin| {
            plugin.descriptor.previewers.iter().map(move |previewer| (plugin, previewer))
        });
        entries.into_iter().find(|(_, previewer)| previewer.accepts.contains(&kind))
    }

    /// The error that `what` is missing, and why it may be.
    pub fn absent(&self, what: String) -> CatalogError {
        CatalogError::Absent { what, help: self.absence_help() }
    }

    /// Why parts of a `kind`, such as `generator`, may be missing, or which packs of the indexes
    /// have some.
    pub fn absence_help_of(&self, kind: &str) -> Option<String> {
        if self.problems.is_empty() {
            let packs = self.packs_with(kind);
            if !packs.is_empty() {
                let help = format!("packs with {kind}s are {packs}: see `olive plugin install`");
                return Some(help);
            }
        }
        self.absence_help()
    }

    /// Why something may be missing: no plugins at all, or broken ones.
    pub fn absence_help(&self) -> Option<String> {
        if let Some(problem) = self.problems.first() {
            return Some(format!("a plugin beside the program is broken: {problem}"));
        }
        if let Some(problem) = self.installed.problems.first() {
            return Some(told(problem));
        }
        let help = "no plugins are installed: install packs (`olive plugin search`), put plugins \
                    into `plugins/` beside the program, or name their folder with --plugin-dir";
        self.plugins.is_empty().then(|| help.to_owned())
    }
}

/// An error with what to do.
fn told(error: &PackError) -> String {
    let help = error.help().map(|help| format!(" ({help})"));
    format!("{error}{}", help.unwrap_or_default())
}

/// What people call the scope.
pub fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::User => "user",
        Scope::Project => "project",
    }
}
