//! Packages that a run is to make of its result.

use std::path::Path;

use olive_schemas::packaging::PackagingConfig;
use olive_schemas::protocol::Callee;
use olive_schemas::workflow::Workflow;
use serde_json::{Value, json};

use super::PlanError;
use super::settings::{Ground, settle};
use crate::plugin::Catalog;

/// A package of the result.
#[derive(Debug, Clone)]
pub struct PlannedPackage {
    /// Its name.
    pub name: String,
    /// Name of the packager inside the plugin.
    pub packager: String,
    /// Label of the plugin that does the work, `name@version`.
    pub plugin: String,
    /// Library of that plugin.
    pub library: Callee,
    /// Settings as the plugin gets them, with absolute paths.
    pub config: Value,
    /// The same with defaults filled in, for people.
    pub full_config: Value,
    /// All that decides it but the models.
    pub for_key: Value,
}

impl PlannedPackage {
    /// What people call the work.
    pub fn title(&self) -> String {
        format!("package {} ({})", self.name, self.packager)
    }
}

/// The packages that `workflow` asks for; none when nothing is to be left.
pub(super) fn of(
    workflow: &Workflow,
    output_dir: Option<&Path>,
    catalog: &Catalog,
    ground: &mut Ground<'_>,
) -> Result<Vec<PlannedPackage>, PlanError> {
    let mut planned = Vec::new();
    let wanted = workflow.engine.packaging_config.iter().filter(|_| output_dir.is_some());
    for (index, PackagingConfig { kind, name, settings }) in wanted.enumerate() {
        // The check has refused packagers that no plugin has.
        let Some((plugin, packager)) = catalog.packager(kind) else { continue };
        let pointer = format!("/engine/packaging_config/{index}");
        let settings = Value::Object(settings.clone());
        let settings = settle(&settings, &packager.schema, &pointer, ground)?;
        let for_key = json!({
            "plugin": plugin.digest,
            "packager": packager.name,
            "name": name,
            "settings": settings.for_key,
        });
        planned.push(PlannedPackage {
            name: name.clone(),
            packager: packager.name.clone(),
            plugin: plugin.label(),
            library: plugin.callee(),
            config: settings.config,
            full_config: settings.full_config,
            for_key,
        });
    }
    Ok(planned)
}
