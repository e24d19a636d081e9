//! Systems of plugins, as steps use them.

use std::path::Path;

use olive_schemas::pointer::escape;
use olive_schemas::workflow::{System, Workflow};
use serde_json::Value;

use super::settings::{Ground, inherit, settle};
use super::{PlanError, SystemUse};
use crate::config::CheckedWorkflow;
use crate::config::references::RANKS;
use crate::plugin::Catalog;
use crate::plugin::digest::Digests;
use crate::store::Store;

/// Every system of `checked` that a plugin has; relative paths start at `folder`.
///
/// # Errors
/// When a file that its settings name cannot be read.
pub fn systems(
    checked: &CheckedWorkflow,
    folder: &Path,
    catalog: &Catalog,
) -> Result<Vec<SystemUse>, PlanError> {
    let workflow = checked.workflow();
    let cache_dir = folder.join(&workflow.engine.cache_dir);
    let mut digests = Digests::open(Store::new(&cache_dir).digests_path());
    let mut problems = Vec::new();
    let ground =
        &mut Ground { folder, data_configs: &[], digests: &mut digests, problems: &mut problems };
    let mut found = Vec::new();
    for (label, system) in &workflow.systems {
        found.extend(of_plugin(label, system, workflow, catalog, ground)?);
    }
    digests.save();
    if problems.is_empty() { Ok(found) } else { Err(PlanError::Problems(problems)) }
}

/// The system that the workflow calls `label`; none when it is this machine.
pub(super) fn of_plugin(
    label: &str,
    system: &System,
    workflow: &Workflow,
    catalog: &Catalog,
    ground: &mut Ground<'_>,
) -> Result<Option<SystemUse>, PlanError> {
    let Some((plugin, descriptor)) = catalog.system(&system.kind) else {
        return Ok(None);
    };
    let mut config = Value::Object(system.settings.clone());
    inherit(&mut config, &descriptor.schema, workflow);
    let pointer = format!("/systems/{}", escape(label));
    let settings = settle(&config, &descriptor.schema, &pointer, ground)?;
    Ok(Some(SystemUse {
        label: label.to_owned(),
        library: plugin.callee(),
        name: descriptor.name.clone(),
        ranks: ranks(&settings.full_config, &descriptor.schema),
        config: settings.config,
    }))
}

/// Workers that a system with these settings starts for a step that several can compute.
fn ranks(config: &Value, schema: &Value) -> usize {
    let count = schema.get(RANKS).and_then(Value::as_str).and_then(|name| config[name].as_u64());
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(1).max(1)
}
