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
    pub(super) effort: Effort,
    pub(super) accelerator: &'a Accelerator,
    pub(super) provider: Option<LibraryOfProvider>,
}

/// What computes a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Threads it may use.
    pub(super) threads: usize,
    /// Whether their number changes what comes out.
    pub(super) threads_change_result: bool,
    /// Processes that compute it together; 1 for most.
    pub(super) ranks: usize,
}

impl StepParts<'_> {
    /// The step, to be run on this machine.
    pub(super) fn step(self) -> Step {
        let Self { role, model, plugin, graph_editor, name, settings, provider, .. } = self;
        let Effort { threads, threads_change_result, ranks } = self.effort;
        let key = StepKey::new(&KeyParts {
            kind: role.kind(),
            plugin_digest: &plugin.digest,
            name,
            config: &settings.for_key,
            input: self.input,
            data: &settings.data_for_key,
            threads: threads_change_result.then_some(threads),
            ranks: Some(ranks).filter(|&ranks| ranks > 1),
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
            ranks,
            threads,
        }
    }
}
