//! Systems of plugins, as steps use them.

use std::collections::BTreeMap;
use std::path::Path;

use olive_schemas::pointer::escape;
use olive_schemas::protocol::Callee;
use olive_schemas::workflow::{System, Workflow};
use serde_json::Value;

use super::settings::{Ground, inherit, settle};
use super::{PlanError, SystemUse};
use crate::config::CheckedWorkflow;
use crate::config::references::{MEMORY, RANKS, THREADS};
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

/// Whether the system that `workflow` calls `label` is one of a plugin's; no label is this machine.
pub fn is_elsewhere(label: Option<&String>, workflow: &Workflow, catalog: &Catalog) -> bool {
    let system = label.and_then(|label| workflow.systems.get(label));
    system.is_some_and(|system| catalog.system(&system.kind).is_some())
}

/// The plugins that have systems, by the systems' names.
pub(super) fn plugins(catalog: &Catalog) -> BTreeMap<String, Callee> {
    let systems = catalog.plugins().iter().flat_map(|plugin| {
        plugin.descriptor.systems.iter().map(|system| (system.name.clone(), plugin.callee()))
    });
    systems.collect()
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
    let said = |mark| marked_setting(mark, &settings.full_config, &descriptor.schema);
    Ok(Some(SystemUse {
        label: label.to_owned(),
        library: plugin.callee(),
        name: descriptor.name.clone(),
        ranks: said(RANKS).and_then(count).unwrap_or(1).max(1),
        threads: said(THREADS).and_then(count).filter(|&threads| threads > 0),
        memory_bytes: said(MEMORY).and_then(bytes),
        chains: descriptor.chains,
        batches: descriptor.batches,
        config: settings.config,
        rehearses: descriptor.rehearses,
    }))
}

/// The setting that `mark` names at the root of `schema`.
fn marked_setting<'a>(mark: &str, config: &'a Value, schema: &Value) -> Option<&'a Value> {
    config.get(schema.get(mark)?.as_str()?)
}

fn count(setting: &Value) -> Option<usize> {
    setting.as_u64().and_then(|count| usize::try_from(count).ok())
}

/// Bytes of a number of mebibytes, which may be text and may end with another unit: `16G`.
fn bytes(setting: &Value) -> Option<u64> {
    let text = setting.as_str().map_or_else(|| setting.to_string(), str::to_owned);
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "K" => 10,
        "" | "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    // Slurm takes 0 for all that a node has.
    digits.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|&bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::bytes;

    #[test]
    fn memory_is_read_as_schedulers_write_it() {
        for (setting, expected) in [
            (json!("16G"), Some(16 << 30)),
            (json!("512"), Some(512 << 20)),
            (json!(512), Some(512 << 20)),
            (json!("4K"), Some(4096)),
            (json!("1T"), Some(1 << 40)),
            (json!("0"), None),
            (json!("16GB"), None),
            (json!("99999999999T"), None),
            (json!(null), None),
        ] {
            assert_eq!(bytes(&setting), expected, "{setting}");
        }
    }
}
