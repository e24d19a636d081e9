//! From a checked workflow to its plan.

use std::path::{Path, PathBuf};

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::metric::EvaluatorConfig;
use olive_schemas::model::ModelKind;
use olive_schemas::step::{Accelerator, Device, StepKind};
use olive_schemas::workflow::{PassConfig, Workflow};
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::input;
use super::settings::{Ground, Settings, settle};
use super::{Choices, Plan, PlanError, Purpose, Role, Step};
use crate::config::CheckedWorkflow;
use crate::config::node::escape;
use crate::config::schema::quoted;
use crate::plugin::digest::Digests;
use crate::plugin::{Catalog, InstalledPlugin};
use crate::store::key::KeyParts;
use crate::store::{StepKey, Store};

/// Plans the run of `checked`, whose relative paths start at `folder`.
///
/// # Errors
/// Every problem with the models and files that are there, or a file that cannot be read.
pub fn resolve(
    checked: &CheckedWorkflow,
    folder: &Path,
    catalog: &Catalog,
    choices: &Choices,
) -> Result<Plan, PlanError> {
    let workflow = checked.workflow();
    let cache_dir = folder.join(&workflow.engine.cache_dir);
    let mut digests = Digests::open(Store::new(&cache_dir).digests_path());
    let mut problems = Vec::new();
    let ground = &mut Ground {
        folder,
        data_configs: &workflow.data_configs,
        digests: &mut digests,
        problems: &mut problems,
    };
    let input = input::resolve(&workflow.input_model, choices.model.as_ref(), ground)?;
    let accelerator = accelerator(workflow);
    let mut planning = Planning {
        catalog,
        threads: choices.threads,
        accelerator: &accelerator,
        workflow,
        kind: input.model.kind,
        input: input.digest.clone(),
        title: "input model".into(),
        steps: Vec::new(),
        model: 0,
    };
    planning.steps(&choices.purpose, ground)?;
    let steps = planning.steps;
    let output_dir = output_dir(workflow, folder, choices);
    if output_dir.as_ref().is_some_and(|dir| is_same(dir, &input.model.model_path)) {
        let message = "the output folder is the folder of the input model";
        problems.push(Diagnostic::error("output-is-input", "/engine/output_dir", message));
    }
    digests.save();
    if !problems.is_empty() {
        return Err(PlanError::Problems(problems));
    }
    let workflow_id = workflow.workflow_id.clone();
    let threads = choices.threads;
    Ok(Plan { workflow_id, input, steps, threads, accelerator, output_dir, cache_dir })
}

/// Where planning has come to: the steps so far, and the model the next one works on.
struct Planning<'a> {
    catalog: &'a Catalog,
    workflow: &'a Workflow,
    threads: usize,
    accelerator: &'a Accelerator,
    /// Kind of the model so far.
    kind: ModelKind,
    /// Its content: a digest, or the key of the step that makes it.
    input: String,
    /// What people call it.
    title: String,
    /// Its number in order of making.
    model: usize,
    steps: Vec<Step>,
}

impl Planning<'_> {
    fn steps(&mut self, purpose: &Purpose, ground: &mut Ground<'_>) -> Result<(), PlanError> {
        if let Purpose::Evaluate { evaluator } = purpose {
            return self.evaluation(evaluator, ground);
        }
        let Workflow { engine, passes, .. } = self.workflow;
        if let Some(evaluator) = &engine.evaluator
            && (engine.evaluate_input_model || passes.is_empty())
            && self.can_be_measured()
        {
            self.evaluation(evaluator, ground)?;
        }
        for (name, pass) in passes {
            self.pass(name, pass, ground)?;
            if let Some(evaluator) = pass.evaluator.as_ref().or(engine.evaluator.as_ref()) {
                self.evaluation(evaluator, ground)?;
            }
        }
        Ok(())
    }

    /// Whether an input model of this kind can be measured at all; a file to be imported cannot.
    fn can_be_measured(&self) -> bool {
        self.catalog.evaluator(self.kind, &[]).is_some() || self.workflow.passes.is_empty()
    }

    fn pass(
        &mut self,
        name: &str,
        pass: &PassConfig,
        ground: &mut Ground<'_>,
    ) -> Result<(), PlanError> {
        let pointer = format!("/passes/{}", escape(name));
        // The check has refused passes that no plugin has.
        let catalog = self.catalog;
        let Some(known) = catalog.pass(&pass.kind) else { return Ok(()) };
        let descriptor = known.descriptor;
        if !descriptor.accepts.contains(&self.kind) {
            ground.problems.push(self.mismatch(name, &descriptor.name, &descriptor.accepts));
        }
        let config = Value::Object(pass.config.clone());
        let settings = settle(&config, &descriptor.schema, &pointer, ground)?;
        self.model += 1;
        let role = Role::Pass { pass_name: name.to_owned() };
        let threads = descriptor.threads_change_result.then_some(self.threads);
        let accepts = descriptor.accepts.clone();
        let key = self.push(role, known.plugin, &descriptor.name, threads, settings, accepts);
        self.kind = descriptor.produces;
        self.input = key;
        name.clone_into(&mut self.title);
        Ok(())
    }

    /// A step that measures the model so far.
    fn evaluation(&mut self, evaluator: &str, ground: &mut Ground<'_>) -> Result<(), PlanError> {
        // The check has refused names of evaluators that are not defined.
        let Self { workflow, catalog, .. } = *self;
        let Some(config) = workflow.evaluators.get(evaluator) else { return Ok(()) };
        if config.metrics.is_empty() {
            return Ok(());
        }
        let pointer = format!("/evaluators/{}", escape(evaluator));
        let kinds: Vec<_> = config.metrics.iter().map(|metric| metric.kind).collect();
        let Some((plugin, descriptor)) = catalog.evaluator(self.kind, &kinds) else {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let message = format!(
                "no installed plugin measures {} of `{}`, a model of type {}",
                quoted(&names),
                self.title,
                self.kind
            );
            let mut problem = Diagnostic::error("no-evaluator", pointer, message);
            problem.help = self.catalog.absence_help();
            ground.problems.push(problem);
            return Ok(());
        };
        let config = serde_json::to_value(config).unwrap_or_default();
        let settings = settle(&config, &evaluator_schema(), &pointer, ground)?;
        let role = Role::Evaluation { of: self.title.clone() };
        let accepts = descriptor.accepts.clone();
        self.push(role, plugin, &descriptor.name, Some(self.threads), settings, accepts);
        Ok(())
    }

    fn push(
        &mut self,
        role: Role,
        plugin: &InstalledPlugin,
        name: &str,
        threads: Option<usize>,
        settings: Settings,
        accepts: Vec<ModelKind>,
    ) -> String {
        let kind = match role {
            Role::Pass { .. } => StepKind::Pass,
            Role::Evaluation { .. } => StepKind::Evaluate,
        };
        let key = StepKey::new(&KeyParts {
            kind,
            plugin_digest: &plugin.digest,
            name,
            config: &settings.for_key,
            input: &self.input,
            data: &settings.data_for_key,
            threads,
            accelerator: self.accelerator,
        });
        self.steps.push(Step {
            role,
            key: key.clone(),
            model: self.model,
            plugin: plugin.label(),
            library: plugin.path.clone(),
            name: name.to_owned(),
            config: settings.config,
            full_config: settings.full_config,
            data_configs: settings.data_configs,
            accepts,
        });
        key.to_string()
    }

    /// The pass `name` does not take what the one before makes.
    fn mismatch(&self, name: &str, kind: &str, accepts: &[ModelKind]) -> Diagnostic {
        let accepted: Vec<&str> = accepts.iter().map(|kind| kind.name()).collect();
        let before = match self.workflow.passes.get(&self.title) {
            Some(pass) if self.model > 0 => {
                format!("pass `{}` ({}) makes {}", self.title, pass.kind, self.kind)
            }
            _ => format!("the input model is {}", self.kind),
        };
        let message =
            format!("pass `{name}` ({kind}) takes {}, but {before}", accepted.join(" or "));
        let pointer = format!("/passes/{}/type", escape(name));
        Diagnostic::error("model-kind", pointer, message).with_help(self.bridge(accepts))
    }

    /// What would fit between the model so far and a pass that takes `accepts`.
    fn bridge(&self, accepts: &[ModelKind]) -> String {
        let fits =
            |pass: &crate::plugin::PassEntry<'_>| pass.descriptor.accepts.contains(&self.kind);
        let between = self.catalog.passes().filter(fits);
        let between = between.filter(|pass| accepts.contains(&pass.descriptor.produces));
        let between: Vec<&str> = between.map(|pass| pass.descriptor.name.as_str()).collect();
        if !between.is_empty() {
            return format!("put one of these before it: {}", quoted(&between));
        }
        let next: Vec<&str> =
            self.catalog.passes().filter(fits).map(|pass| pass.descriptor.name.as_str()).collect();
        match next.as_slice() {
            [] => format!("no installed pass takes {}; change the order of the passes", self.kind),
            names => format!("passes that take {}: {}", self.kind, quoted(names)),
        }
    }
}

fn evaluator_schema() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<EvaluatorConfig>().to_value()
}

/// What the result is meant for: the target's accelerator, else the host's.
fn accelerator(workflow: &Workflow) -> Accelerator {
    let engine = &workflow.engine;
    let system = engine.target.as_ref().or(engine.host.as_ref());
    let system = system.and_then(|name| workflow.systems.get(name));
    let Some(found) = system.and_then(|system| system.accelerators.first()) else {
        return Accelerator::default();
    };
    let usual = match found.device {
        Device::Cpu => "CPUExecutionProvider",
        Device::Gpu => "CUDAExecutionProvider",
        Device::Npu => "QNNExecutionProvider",
    };
    let provider = found.execution_providers.first().map_or(usual, String::as_str);
    Accelerator { device: found.device, execution_provider: provider.to_owned() }
}

fn output_dir(workflow: &Workflow, folder: &Path, choices: &Choices) -> Option<PathBuf> {
    match choices.purpose {
        Purpose::Run => {
            let written = || folder.join(&workflow.engine.output_dir);
            Some(choices.output_dir.clone().unwrap_or_else(written))
        }
        Purpose::Evaluate { .. } => None,
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
