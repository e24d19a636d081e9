//! A step and its key, made of settled settings.

use olive_schemas::model::ModelKind;
use olive_schemas::protocol::Callee;
use olive_schemas::step::Accelerator;

use super::settings::Settings;
use super::{Role, Step};
use crate::plugin::InstalledPlugin;
use crate::plugin::providers::LibraryOfProvider;
use crate::store::StepKey;
use crate::store::key::KeyParts;

/// What a step is made of.
pub(super) struct StepParts<'a> {
    pub(super) role: Role,
    /// The model it makes or measures, counted in order of making.
    pub(super) model: usize,
    pub(super) plugin: &'a InstalledPlugin,
    /// What shows and edits graphs for it, when it is a component.
    pub(super) graph_editor: Option<&'a InstalledPlugin>,
    /// Name of what does the work inside the plugin.
    pub(super) name: &'a str,
    /// Kinds of model it takes.
    pub(super) accepts: &'a [ModelKind],
    pub(super) settings: Settings,
    /// Content of the model it works on: a digest, or the key of the step that makes it.
    pub(super) input: &'a str,
    /// Threads, where they change what comes out.
    pub(super) threads: Option<usize>,
    /// Processes that compute it together; 1 for most.
    pub(super) ranks: usize,
    pub(super) accelerator: &'a Accelerator,
    pub(super) provider: Option<LibraryOfProvider>,
}

impl StepParts<'_> {
    /// The step, to be run on this machine.
    pub(super) fn step(self) -> Step {
        let Self { role, model, plugin, graph_editor, name, settings, provider, .. } = self;
        let key = StepKey::new(&KeyParts {
            kind: role.kind(),
            plugin_digest: &plugin.digest,
            name,
            config: &settings.for_key,
            input: self.input,
            data: &settings.data_for_key,
            threads: self.threads,
            ranks: Some(self.ranks).filter(|&ranks| ranks > 1),
            accelerator: self.accelerator,
            editor_digest: graph_editor.map(|editor| editor.digest.as_str()),
            provider_digest: provider.as_ref().map(|provider| provider.digest.as_str()),
        });
        Step {
            role,
            key,
            model,
            plugin: plugin.label(),
            library: Callee {
                graph_editor: graph_editor.map(|editor| Box::new(editor.callee())),
                ..plugin.callee()
            },
            name: name.to_owned(),
            config: settings.config,
            full_config: settings.full_config,
            data_configs: settings.data_configs,
            accepts: self.accepts.to_vec(),
            provider: provider.map(|provider| provider.library),
            system: None,
            ranks: self.ranks,
        }
    }
}
