//! From a checked workflow to its plan.

mod evaluation;

use std::path::{Path, PathBuf};

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::model::ModelKind;
use olive_schemas::pointer::escape;
use olive_schemas::search::Objective;
use olive_schemas::step::Accelerator;
use olive_schemas::workflow::{PassConfig, Workflow};
use serde_json::Value;

use super::goals::{self, Judged, PlannedGoal};
use super::input;
use super::packages;
use super::samples::PlannedSamples;
use super::settings::{Ground, Settings, settle};
use super::step::{Effort, StepParts};
use super::systems;
use super::{Choices, Plan, PlanError, Purpose, Role, Step, SystemUse};
use crate::config::CheckedWorkflow;
use crate::plugin::digest::Digests;
use crate::plugin::providers::LibraryOfProvider;
use crate::plugin::{Catalog, InstalledPlugin, PassEntry};
use crate::store::Store;

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
    let data_configs = checked.data_configs();
    let ground = &mut Ground {
        folder,
        data_configs: &data_configs,
        digests: &mut digests,
        problems: &mut problems,
    };
    let input = input::resolve(checked.model(), choices.model.as_ref(), ground)?;
    let accelerator = workflow.accelerator();
    let mut planning = Planning {
        catalog,
        threads: choices.threads,
        threads_elsewhere: choices.threads_elsewhere,
        accelerator: &accelerator,
        checked,
        kind: input.model.kind,
        input: input.digest.clone(),
        title: "input model".into(),
        steps: Vec::new(),
        goals: Vec::new(),
        objectives: Vec::new(),
        samples: Vec::new(),
        is_trial: choices.purpose == Purpose::Trial,
        model: 0,
    };
    planning.steps(&choices.purpose, ground)?;
    let Planning { steps, goals, objectives, samples, .. } = planning;
    let output_dir = output_dir(workflow, folder, choices);
    let packages = packages::of(workflow, output_dir.as_deref(), catalog, ground)?;
    problems.extend(output_problem(output_dir.as_deref(), &input.model.model_path));
    digests.save();
    if !problems.is_empty() {
        return Err(PlanError::Problems(problems));
    }
    Ok(Plan {
        workflow_id: workflow.workflow_id.clone(),
        input,
        steps,
        threads: choices.threads,
        accelerator,
        goals,
        objectives,
        samples,
        packages,
        systems: systems::plugins(catalog),
        output_dir,
        cache_dir,
    })
}

/// Where planning has come to: the steps so far, and the model the next one works on.
struct Planning<'a> {
    catalog: &'a Catalog,
    checked: &'a CheckedWorkflow,
    threads: usize,
    threads_elsewhere: usize,
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
    goals: Vec<PlannedGoal>,
    objectives: Vec<Objective>,
    samples: Vec<PlannedSamples>,
    /// Whether the model is to be compared with others.
    is_trial: bool,
}

impl Planning<'_> {
    fn steps(&mut self, purpose: &Purpose, ground: &mut Ground<'_>) -> Result<(), PlanError> {
        if let Purpose::Evaluate { evaluator } = purpose {
            return self.evaluation(evaluator, ground);
        }
        let workflow = self.checked.workflow();
        self.goals(workflow);
        for evaluator in self.input_evaluators(workflow) {
            self.evaluation(evaluator, ground)?;
        }
        let Workflow { engine, passes, .. } = workflow;
        for (index, (name, pass)) in passes.iter().enumerate() {
            self.pass(name, pass, ground)?;
            let is_on_the_way = self.is_trial && index + 1 < passes.len();
            let shared = engine.evaluator.as_ref().filter(|_| !is_on_the_way);
            if let Some(evaluator) = pass.evaluator.as_ref().or(shared) {
                self.evaluation(evaluator, ground)?;
            }
        }
        Ok(())
    }

    /// Gathers what models must reach.
    fn goals(&mut self, workflow: &Workflow) {
        for Judged { model, title, evaluator } in goals::judged(workflow) {
            let config = self.evaluator(evaluator);
            self.goals.extend(goals::of(&config, model, title));
            self.objectives = goals::objectives(&config);
        }
    }

    /// Evaluators of the input model: the engine's, and those whose goals are measured from it.
    fn input_evaluators<'a>(&self, workflow: &'a Workflow) -> Vec<&'a str> {
        let Workflow { engine, passes, .. } = workflow;
        let is_wanted = engine.evaluate_input_model || passes.is_empty();
        let shared = engine.evaluator.as_deref().filter(|_| is_wanted && self.can_be_measured());
        let mut evaluators = Vec::from_iter(shared);
        for Judged { title, evaluator, .. } in goals::judged(workflow) {
            let config = self.evaluator(evaluator);
            let needs_baseline = |goal: &PlannedGoal| goal.goal.kind.needs_baseline();
            if !evaluators.contains(&evaluator)
                && goals::of(&config, 0, title).iter().any(needs_baseline)
            {
                evaluators.push(evaluator);
            }
        }
        evaluators
    }

    /// Whether an input model of this kind can be measured at all; a file to be imported cannot.
    fn can_be_measured(&self) -> bool {
        self.catalog.evaluator(self.kind, &[]).is_some()
            || self.checked.workflow().passes.is_empty()
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
        if known.plugin.is_component() && self.graph_editor(known.plugin).is_none() {
            ground.problems.push(no_graph_editor(known, pointer, catalog));
            return Ok(());
        }
        let config = Value::Object(pass.config.clone());
        let settings = settle(&config, &descriptor.schema, &pointer, ground)?;
        self.model += 1;
        let role = Role::Pass { pass_name: name.to_owned() };
        let accepts = &descriptor.accepts;
        let host = pass.host.as_ref().or(self.checked.workflow().engine.host.as_ref());
        let system = self.system(host, ground)?;
        let effort = Effort {
            threads: self.threads_on(system.as_ref()),
            threads_change_result: descriptor.threads_change_result,
            ranks: system.as_ref().filter(|_| descriptor.has_ranks).map_or(1, |it| it.ranks),
        };
        let key = self.push(role, known.plugin, &descriptor.name, effort, settings, accepts);
        self.run_on(system);
        self.kind = descriptor.produces;
        self.input = key;
        name.clone_into(&mut self.title);
        Ok(())
    }

    /// The plugin's system that the workflow calls `name`; none for this machine.
    fn system(
        &self,
        name: Option<&String>,
        ground: &mut Ground<'_>,
    ) -> Result<Option<SystemUse>, PlanError> {
        let systems = &self.checked.workflow().systems;
        let Some((label, system)) = name.and_then(|name| systems.get_key_value(name)) else {
            return Ok(None);
        };
        systems::of_plugin(label, system, self.checked.workflow(), self.catalog, ground)
    }

    /// Threads of a step on `system`, which is this machine when there is none.
    fn threads_on(&self, system: Option<&SystemUse>) -> usize {
        system.map_or(self.threads, |system| system.threads.unwrap_or(self.threads_elsewhere))
    }

    /// The plugin that shows and edits graphs for `plugin`, when that is a component.
    fn graph_editor(&self, plugin: &InstalledPlugin) -> Option<&InstalledPlugin> {
        self.catalog.graph_editor().filter(|_| plugin.is_component())
    }

    /// The execution provider that a step of `role` loads: only ONNX models are run by one.
    fn provider(&self, role: &Role) -> Option<LibraryOfProvider> {
        let runs_it = matches!(role, Role::Evaluation { .. }) && self.kind == ModelKind::Onnx;
        let name = &self.accelerator.execution_provider;
        runs_it.then(|| self.catalog.provider(name)).flatten()?.library
    }

    /// Lets the step that was planned last run on `system`.
    fn run_on(&mut self, system: Option<SystemUse>) {
        if let Some(step) = self.steps.last_mut() {
            step.system = system;
        }
    }

    fn push(
        &mut self,
        role: Role,
        plugin: &InstalledPlugin,
        name: &str,
        effort: Effort,
        settings: Settings,
        accepts: &[ModelKind],
    ) -> String {
        let provider = self.provider(&role);
        let parts = StepParts {
            role,
            model: self.model,
            plugin,
            graph_editor: self.graph_editor(plugin),
            name,
            accepts,
            settings,
            input: &self.input,
            effort,
            accelerator: self.accelerator,
            provider,
        };
        let step = parts.step();
        let key = step.key.to_string();
        self.steps.push(step);
        key
    }
}

/// That the pass of a component cannot run, because nothing edits graphs for it.
fn no_graph_editor(pass: PassEntry<'_>, pointer: String, catalog: &Catalog) -> Diagnostic {
    let (name, component) = (&pass.descriptor.name, pass.plugin.label());
    let message = format!(
        "pass `{name}` is of component `{component}`, and no installed plugin edits graphs for it"
    );
    let usual = || "put the plugin for ONNX graphs that comes with Olive beside the program".into();
    Diagnostic::error("no-graph-editor", pointer, message)
        .with_help(catalog.absence_help().unwrap_or_else(usual))
}

fn output_dir(workflow: &Workflow, folder: &Path, choices: &Choices) -> Option<PathBuf> {
    match choices.purpose {
        Purpose::Run | Purpose::Trial => {
            let written = || folder.join(&workflow.engine.output_dir);
            Some(choices.output_dir.clone().unwrap_or_else(written))
        }
        Purpose::Evaluate { .. } => choices.output_dir.clone(),
    }
}

/// That the result would lie where the input model does.
fn output_problem(output_dir: Option<&Path>, input: &Path) -> Option<Diagnostic> {
    let message = "the output folder is the folder of the input model";
    let problem = Diagnostic::error("output-is-input", "/engine/output_dir", message);
    let problem = problem.with_help("name another folder here, or with -o");
    output_dir.is_some_and(|dir| is_same(dir, input)).then_some(problem)
}

fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
