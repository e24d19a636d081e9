//! The catalog: what the installed plugins provide, by name.

use std::path::{Path, PathBuf};

use olive_schemas::descriptor::{
    EvaluatorDescriptor, GeneratorDescriptor, PassDescriptor, PluginDescriptor,
};
use olive_schemas::metric::MetricKind;
use olive_schemas::model::ModelKind;

use super::CatalogError;
use super::component::{BrokenValidator, InstalledValidator, Runtime};
use super::describe::Descriptions;
use super::discover;
use crate::config::references::QUALITY_HELP;

/// What the installed plugins provide.
#[derive(Debug, Default)]
pub struct Catalog {
    plugins: Vec<InstalledPlugin>,
    validators: Vec<InstalledValidator>,
    problems: Vec<CatalogError>,
    broken_validators: Vec<BrokenValidator>,
}

/// A plugin and what it says about itself.
#[derive(Debug, Clone)]
pub struct InstalledPlugin {
    /// The library, or the manifest of a process plugin.
    pub path: PathBuf,
    /// Digest of the library's content, or of the files that decide what a process plugin does.
    pub digest: String,
    /// What it provides.
    pub descriptor: PluginDescriptor,
}

impl InstalledPlugin {
    /// `name@version`.
    pub fn label(&self) -> String {
        format!("{}@{}", self.descriptor.name, self.descriptor.version)
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

impl Catalog {
    /// Finds and describes the plugins beside the program and in `folders`.
    ///
    /// A broken plugin beside the program is remembered and told when something is missing.
    ///
    /// # Errors
    /// When a folder cannot be read, one of its files is no plugin that fits, or two plugins have a
    /// pass or validators an id of the same name.
    pub fn discover(folders: &[PathBuf], cache_home: &Path) -> Result<Self, CatalogError> {
        let mut descriptions = Descriptions::open(cache_home);
        let runtime = Runtime::new(cache_home);
        let mut catalog = Self::default();
        let found = discover::beside_program();
        for path in found.libraries.iter().chain(&found.manifests) {
            match descriptions.describe(path) {
                Ok(plugin) => catalog.add(plugin)?,
                Err(problem) => catalog.problems.push(problem),
            }
        }
        for path in &found.components {
            match descriptions.describe_component(path, &runtime) {
                Ok(Ok(validator)) => catalog.add_validator(validator)?,
                Ok(Err(broken)) => catalog.broken_validators.push(broken),
                Err(problem) => catalog.problems.push(problem),
            }
        }
        for folder in folders {
            let found = discover::in_folder(folder)?;
            for path in found.libraries.iter().chain(&found.manifests) {
                catalog.add(descriptions.describe(path)?)?;
            }
            for path in &found.components {
                match descriptions.describe_component(path, &runtime)? {
                    Ok(validator) => catalog.add_validator(validator)?,
                    Err(broken) => return Err(CatalogError::Validator(broken)),
                }
            }
        }
        descriptions.save();
        Ok(catalog)
    }

    /// The installed plugins, in order of discovery.
    pub fn plugins(&self) -> &[InstalledPlugin] {
        &self.plugins
    }

    /// The installed validators, in order of discovery.
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

    /// Every pass.
    pub fn passes(&self) -> impl Iterator<Item = PassEntry<'_>> {
        self.plugins.iter().flat_map(|plugin| {
            plugin.descriptor.passes.iter().map(move |descriptor| PassEntry { plugin, descriptor })
        })
    }

    /// The pass called `name`, without regard to case.
    pub fn pass(&self, name: &str) -> Option<PassEntry<'_>> {
        self.passes().find(|pass| pass.descriptor.name.eq_ignore_ascii_case(name))
    }

    /// What to try when the pass called `name` costs quality, in its author's words.
    pub fn quality_help(&self, name: &str) -> Option<String> {
        let help = self.pass(name)?.descriptor.schema.get(QUALITY_HELP)?;
        help.as_str().map(str::to_owned)
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
                && metrics.iter().all(|metric| evaluator.metrics.contains(metric))
        })
    }

    /// The generator that runs models of `kind`; of several, the one found last.
    pub fn generator(&self, kind: ModelKind) -> Option<(&InstalledPlugin, &GeneratorDescriptor)> {
        let entries = self.plugins.iter().rev().flat_map(|plugin| {
            plugin.descriptor.generators.iter().map(move |generator| (plugin, generator))
        });
        entries.into_iter().find(|(_, generator)| generator.accepts.contains(&kind))
    }

    /// The error that `what` is missing, and why it may be.
    pub fn absent(&self, what: String) -> CatalogError {
        CatalogError::Absent { what, help: self.absence_help() }
    }

    /// Why something may be missing: no plugins at all, or broken ones.
    pub fn absence_help(&self) -> Option<String> {
        if let Some(problem) = self.problems.first() {
            return Some(format!("a plugin beside the program is broken: {problem}"));
        }
        let help = "no plugins are installed: put them into `plugins/` beside the program, or \
                    name their folder with --plugin-dir";
        self.plugins.is_empty().then(|| help.to_owned())
    }

    fn add(&mut self, plugin: InstalledPlugin) -> Result<(), CatalogError> {
        if self.plugins.iter().any(|known| known.digest == plugin.digest) {
            return Ok(());
        }
        if let Some((what, name, known)) = self.twin(&plugin.descriptor) {
            let first = known.path.clone();
            return Err(CatalogError::Ambiguous { what, name, first, second: plugin.path });
        }
        self.plugins.push(plugin);
        Ok(())
    }

    /// What of `new` has a name that another plugin's has already: what it is, the name, and the
    /// plugin. Evaluators and generators are chosen by what they can do, not by name.
    fn twin(&self, new: &PluginDescriptor) -> Option<(&'static str, String, &InstalledPlugin)> {
        let passes = new.passes.iter().filter_map(|new| {
            let known = self.pass(&new.name)?.plugin;
            Some(("pass", new.name.clone(), known))
        });
        let sources = new.sources.iter().filter_map(|new| {
            let (known, _) = self.source(&new.name)?;
            Some(("source", new.name.clone(), known))
        });
        let systems = new.systems.iter().filter_map(|new| {
            let (known, _) = self.system(&new.name)?;
            Some(("system", new.name.clone(), known))
        });
        passes.chain(sources).chain(systems).next()
    }

    fn add_validator(&mut self, validator: InstalledValidator) -> Result<(), CatalogError> {
        let id = &validator.descriptor.id;
        match self.validators.iter().find(|known| known.descriptor.id == *id) {
            Some(known) if known.digest == validator.digest => Ok(()),
            Some(known) => Err(CatalogError::Twins {
                id: id.clone(),
                first: known.path.clone(),
                second: validator.path,
            }),
            None => {
                self.validators.push(validator);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use olive_schemas::descriptor::PluginDescriptor;
    use serde_json::{Value, json};

    use super::{Catalog, InstalledPlugin};

    fn plugin(file: &str, parts: &Value) -> InstalledPlugin {
        let mut descriptor = json!({"name": file, "version": "1.0.0", "api_version": "0.2.0"});
        let parts = parts.as_object().unwrap().clone();
        descriptor.as_object_mut().unwrap().extend(parts);
        let descriptor: PluginDescriptor = serde_json::from_value(descriptor).unwrap();
        InstalledPlugin { path: file.into(), digest: file.into(), descriptor }
    }

    #[test]
    fn two_plugins_may_not_have_one_name_for_what_is_chosen_by_name() {
        for kind in ["source", "system"] {
            let list = format!("{kind}s");
            let part = |name| json!({&list: [{"name": name, "summary": "A.", "schema": {}}]});
            let mut catalog = Catalog::default();
            catalog.add(plugin("one", &part("Acme"))).unwrap();
            catalog.add(plugin("other", &part("Other"))).unwrap();
            let refused = catalog.add(plugin("two", &part("acme"))).unwrap_err();
            assert_eq!(refused.to_string(), format!("{kind} `acme` is in `one` and in `two`"));
        }
    }
}
