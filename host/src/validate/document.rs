//! The document that validators look at, made of a checked workflow.

use std::path::Path;

use olive_sandbox::Failure;
use olive_schemas::pointer::escape;
use olive_schemas::size::parse_bytes;
use olive_schemas::validation::{Document, ModelDescription, PlannedStep};
use olive_schemas::workflow::{Memory, PassConfig, Workflow};
use serde_json::{Map, Value};

use super::model::describe;
use crate::config::defaults::fill;
use crate::config::references::ADAPTER;
use crate::config::{CheckedWorkflow, Scope};
use crate::plugin::{Catalog, InstalledValidator};

/// What is known of the model that `checked`, whose relative paths start at `folder`, starts from.
pub(super) fn model(
    checked: &CheckedWorkflow,
    folder: &Path,
    scope: Scope,
) -> Option<ModelDescription> {
    // A model of the command line is not the config's.
    let model = checked.model().filter(|_| scope.model.is_none())?;
    describe(&model, folder)
}

/// The document of `checked` without settings of validators.
pub(super) fn document(
    checked: &CheckedWorkflow,
    model: Option<ModelDescription>,
    catalog: &Catalog,
) -> Document {
    let workflow = checked.workflow();
    let mut steps = Vec::new();
    for build in checked.builds() {
        steps.extend(steps_of(build.workflow(), !workflow.builds.is_empty(), catalog));
    }
    Document {
        workflow: checked.normalized().to_value(),
        steps,
        model,
        accelerator: workflow.accelerator(),
        accelerator_memory_bytes: memory(workflow),
        config: Map::new(),
    }
}

/// `document` as a validator with these settings gets it.
pub(super) fn spell(document: &Document, config: Map<String, Value>) -> Result<String, Failure> {
    let mut document = serde_json::to_value(document)
        .map_err(|error| Failure::Refused(format!("the document cannot be written: {error}")))?;
    document["config"] = Value::Object(config);
    Ok(document.to_string())
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

/// Where `workflow` declares the memory of its accelerator.
pub(super) fn memory_pointer(workflow: &Workflow) -> Option<String> {
    let (system, _) = declared(workflow)?;
    Some(format!("/systems/{}/accelerators/0/memory", escape(system)))
}

/// Memory that the accelerator of `workflow` declares, in bytes.
fn memory(workflow: &Workflow) -> Option<u64> {
    match declared(workflow)? {
        (_, Memory::Bytes(bytes)) => Some(*bytes),
        (_, Memory::Text(text)) => bytes(text),
    }
}

/// The system that the result is meant for, and its memory.
fn declared(workflow: &Workflow) -> Option<(&String, &Memory)> {
    let system = workflow.engine.target.as_ref().or(workflow.engine.host.as_ref())?;
    Some((system, workflow.systems.get(system)?.accelerators.first()?.memory.as_ref()?))
}

/// Bytes that a text such as `8GB` or `512 MiB` says.
fn bytes(text: &str) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "amounts are positive, and saturate"
    )]
    let bytes = parse_bytes(text).ok()?.round() as u64;
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
