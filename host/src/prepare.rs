//! Letting every pass look at the model before the first step runs.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::pointer::escape;
use olive_schemas::protocol::{Call, Callee};
use olive_schemas::step::{Accelerator, StepKind, StepOutcome, StepRequest};
use serde_json::Value;
use thiserror::Error;

use crate::plan::{Plan, Role, Step};
use crate::plugin::process::{self, Supervision};
use crate::store::{StepKey, Store};

/// What came of letting the passes look at the model.
#[derive(Debug, Default)]
pub struct Prepared {
    /// What they find wrong; pointers lead into the workflow.
    pub found: Vec<Diagnostic>,
    /// Steps whose pass has seen the very model that it will work on.
    pub settled: Vec<StepKey>,
}

/// Why a pass could not look at the model.
#[derive(Debug, Error)]
#[error("`{title}` cannot run: {error}")]
pub struct PrepareError {
    /// The step.
    pub title: String,
    /// Why.
    pub error: PluginError,
}

/// Lets the passes of `plan` that have not run yet look at the model that is there.
///
/// Evaluators are asked whether they can use the execution provider, before hours of work go by.
///
/// Each looks at the nearest ancestor of its input that exists already.
///
/// # Errors
/// When a pass cannot look at all, or the user wants to stop.
pub fn prepare(
    plan: &Plan,
    store: &Store,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Prepared, PrepareError> {
    let Prepared { mut found, mut settled } = Prepared::default();
    let mut ancestor = plan.input.model.clone();
    let mut ancestor_number = 0;
    let mut evaluators = Vec::new();
    for step in &plan.steps {
        let pass_name = match &step.role {
            Role::Pass { pass_name } => pass_name,
            Role::Evaluation { .. } if needs_a_look(plan, step, store, &evaluators) => {
                evaluators.push((&step.library, &step.name));
                let mut request = plan.request(step, ancestor.clone());
                request.is_input_final = step.input() == ancestor_number;
                found.extend(look_for(step, request, store, is_cancelled)?);
                continue;
            }
            Role::Evaluation { .. } | Role::Fetch { .. } => continue,
        };
        if let Some(StepOutcome::Model(model)) = store.get(&step.key).map(|known| known.outcome) {
            (ancestor, ancestor_number) = (model, step.model);
            continue;
        }
        if !step.accepts.contains(&ancestor.kind) {
            continue;
        }
        let mut request = plan.request(step, ancestor.clone());
        request.is_input_final = step.input() == ancestor_number;
        if request.is_input_final {
            settled.push(step.key.clone());
        }
        let problems = look_for(step, request, store, is_cancelled)?;
        let pointer = format!("/passes/{}", escape(pass_name));
        found.extend(problems.into_iter().map(|mut problem| {
            problem.pointer = format!("{pointer}{}", problem.pointer);
            problem
        }));
    }
    Ok(Prepared { found, settled })
}

/// Whether the evaluator of `step` has not been asked yet, is about to run here, and is meant to use
/// another execution provider than the processor's.
fn needs_a_look(plan: &Plan, step: &Step, store: &Store, asked: &[(&Callee, &String)]) -> bool {
    let is_usual = plan.accelerator == Accelerator::default();
    !is_usual
        && step.system.is_none()
        && step.accepts.contains(&ModelKind::Onnx)
        && !asked.contains(&(&step.library, &step.name))
        && store.get(&step.key).is_none()
}

fn look_for(
    step: &Step,
    request: StepRequest,
    store: &Store,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Diagnostic>, PrepareError> {
    let failed = |error| PrepareError { title: step.title(), error };
    let hold = store.hold_at_home(&request.input, is_cancelled);
    let hold = hold.map_err(|error| failed(error.of_step()))?;
    if hold.is_none() {
        return Err(failed(PluginError::cancelled()));
    }
    look(step, request, is_cancelled).map_err(failed)
}

/// What the pass of `step` finds wrong with the very model `input`, right before it runs.
///
/// # Errors
/// When it cannot look, finds an error, or the user wants to stop.
pub(crate) fn look_again(
    plan: &Plan,
    step: &Step,
    input: Model,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Diagnostic>, PluginError> {
    look(step, plan.request(step, input), is_cancelled)
}

fn look(
    step: &Step,
    request: StepRequest,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Diagnostic>, PluginError> {
    look_at(&step.library, request, is_cancelled)
}

/// What `plugin` finds wrong with the model of `request`, whose folders stay as they are.
///
/// # Errors
/// When it cannot look, or the user wants to stop.
pub(crate) fn look_at(
    plugin: &Callee,
    mut request: StepRequest,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Diagnostic>, PluginError> {
    let folder = StepFolder::new().map_err(|error| PluginError::from_error("io", &error))?;
    request.output_dir = folder.output_dir();
    request.scratch_dir = folder.scratch_dir();
    let threads = request.threads;
    let call = Call::Prepare { plugin: plugin.clone(), request: Box::new(request) };
    let supervision = Supervision { on_event: &|_| {}, is_cancelled };
    let outcome = process::run(&call, threads, &supervision);
    let answer = outcome.result.map_err(process::Failure::into_error)?;
    serde_json::from_value(answer)
        .map_err(|error| PluginError::new("answer", format!("the plugin's answer: {error}")))
}

/// The errors among `found` as that of a step, and what is none.
pub(crate) fn refusal(found: Vec<Diagnostic>) -> (Option<PluginError>, Vec<Diagnostic>) {
    let (errors, others): (Vec<Diagnostic>, Vec<Diagnostic>) =
        found.into_iter().partition(|problem| problem.severity == Severity::Error);
    let mut errors = errors.into_iter();
    let error = errors.next().map(|first| {
        let mut error = PluginError::new(first.code, first.message);
        error.help = first.help;
        error.causes = errors.map(|problem| problem.message).collect();
        error
    });
    (error, others)
}

/// Folders of a call that makes nothing to keep.
pub(crate) struct StepFolder(tempfile::TempDir);

impl StepFolder {
    /// Empty folders, deleted with this.
    pub(crate) fn new() -> io::Result<Self> {
        let folder = Self(tempfile::tempdir()?);
        std::fs::create_dir(folder.output_dir())?;
        std::fs::create_dir(folder.scratch_dir())?;
        Ok(folder)
    }

    /// What asks `name` for work of this `kind` on `input` in these folders, with one thread.
    pub(crate) fn request(
        &self,
        kind: StepKind,
        name: &str,
        config: Value,
        input: Model,
    ) -> StepRequest {
        StepRequest {
            kind,
            name: name.to_owned(),
            config,
            input,
            is_input_final: true,
            data_configs: BTreeMap::new(),
            output_dir: self.output_dir(),
            scratch_dir: self.scratch_dir(),
            checkpoint_dir: None,
            shared_dir: None,
            ranks: 1,
            threads: 1,
            accelerator: Accelerator::default(),
            execution_provider_library: None,
            package: None,
        }
    }

    pub(crate) fn output_dir(&self) -> PathBuf {
        self.0.path().join("output")
    }

    pub(crate) fn scratch_dir(&self) -> PathBuf {
        self.0.path().join("scratch")
    }
}
