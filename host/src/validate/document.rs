//! The document that validators look at, made of a checked workflow.

use std::path::Path;

use olive_schemas::validation::{Document, PlannedStep};
use olive_schemas::workflow::{Memory, PassConfig, Workflow};
use serde_json::{Map, Value};

use super::model;
use crate::config::defaults::fill;
use crate::config::node::escape;
use crate::config::references::ADAPTER;
use crate::config::{CheckedWorkflow, Scope};
use crate::plugin::{Catalog, InstalledValidator};

/// The document of `checked`, whose relative paths start at `folder`; settings of validators are
/// still to be [put in](settings).
pub(super) fn document(
    checked: &CheckedWorkflow,
    folder: &Path,
    catalog: &Catalog,
    scope: Scope,
) -> Document {
    let workflow = checked.workflow();
    let mut steps = Vec::new();
    for build in checked.builds() {
        steps.extend(steps_of(build.workflow(), !workflow.builds.is_empty(), catalog));
    }
    // A model of the command line is not the config's.
    let model = checked.model().filter(|_| scope.model.is_none());
    Document {
        workflow: checked.normalized().to_value(),
        steps,
        model: model.and_then(|model| model::describe(&model, folder)),
        accelerator: workflow.accelerator(),
        accelerator_memory_bytes: memory(workflow),
        config: Map::new(),
    }
}

/// Settings that `workflow` has for `validator`, with defaults.
pub(super) fn settings(workflow: &Workflow, validator: &InstalledValidator) -> Map<String, Value> {
    let written = workflow.validators.config.get(&validator.descriptor.id);
    let mut settings = Value::Object(written.cloned().unwrap_or_default());
    fill(&mut settings, &validator.descriptor.schema);
    match settings {
        Value::Object(settings) => settings,
        _ => Map::new(),
    }
}

fn steps_of(workflow: &Workflow, is_build: bool, catalog: &Catalog) -> Vec<PlannedStep> {
    let build = workflow.workflow_id.rsplit('/').next().filter(|_| is_build);
    let step = |(name, pass): (&String, &PassConfig)| {
        let known = catalog.pass(&pass.kind).map(|known| known.descriptor);
        let mut config = Value::Object(pass.config.clone());
        if let Some(known) = known {
            fill(&mut config, &known.schema);
        }
        let adapter = known.and_then(|known| known.schema.get(ADAPTER)?.as_str());
        PlannedStep {
            build: build.map(str::to_owned),
            name: name.clone(),
            pointer: format!("/passes/{}", escape(name)),
            kind: known.map_or_else(|| pass.kind.clone(), |known| known.name.clone()),
            config: config.as_object().cloned().unwrap_or_default(),
            produces: known.map(|known| known.produces),
            adapter: adapter.map(str::to_owned),
            evaluator: pass.evaluator.clone().or_else(|| workflow.engine.evaluator.clone()),
        }
    };
    workflow.passes.iter().map(step).collect()
}

/// Memory that the accelerator of `workflow` declares, in bytes.
fn memory(workflow: &Workflow) -> Option<u64> {
    let system = workflow.engine.target.as_ref().or(workflow.engine.host.as_ref())?;
    match workflow.systems.get(system)?.accelerators.first()?.memory.as_ref()? {
        Memory::Bytes(bytes) => Some(*bytes),
        Memory::Text(text) => bytes(text),
    }
}

/// Bytes that a text such as `8GB` or `512 MiB` says: units of 1000, those with `i` of 1024.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = text[end..].trim().trim_end_matches('B');
    let (prefix, base) = match unit.strip_suffix('i') {
        Some(prefix) => (prefix, 1024_f64),
        None => (unit, 1000_f64),
    };
    let power = ["", "K", "M", "G", "T"].iter().position(|known| *known == prefix)?;
    let bytes = number * base.powi(i32::try_from(power).ok()?);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "amounts are positive, and saturate"
    )]
    let bytes = bytes.round() as u64;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn amounts_of_memory_are_bytes() {
        for (text, expected) in [
            ("512", Some(512)),
            ("8GB", Some(8_000_000_000)),
            (" 1.5 KiB ", Some(1536)),
            ("2M", Some(2_000_000)),
            ("4 Ti", Some(4 << 40)),
            ("999999999999999999999T", Some(u64::MAX)),
            ("8 bananas", None),
            ("", None),
            ("1.2.3", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
