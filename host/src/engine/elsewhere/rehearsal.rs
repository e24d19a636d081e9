//! What systems would send for the steps of a plan, without anything being sent.

use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::protocol::Call;
use olive_schemas::step::StepOutcome;
use olive_schemas::system::{Message, SystemCall, SystemReply};

use super::call::{ask, wrong};
use super::folder::JobFolder;
use super::job;
use crate::plan::{Plan, Role, Step, SystemUse};
use crate::plugin::process::Supervision;
use crate::prepare::StepFolder;
use crate::store::Store;

/// What would be sent for one step.
pub struct Rehearsed<'a> {
    /// Its number, from 1.
    pub index: usize,
    /// The step.
    pub step: &'a Step,
    /// Where it runs.
    pub system: &'a SystemUse,
    /// Everything that would be sent, in order; none when the system does not say.
    pub messages: Option<Vec<Message>>,
}

/// Asks the system of each step of `plan` that runs elsewhere and is still to do.
///
/// # Errors
/// Of the first system that cannot say what it says otherwise, with the title of the step.
pub fn rehearse<'a>(
    plan: &'a Plan,
    store: &Store,
    supervision: &Supervision<'_>,
) -> Result<Vec<Rehearsed<'a>>, (String, PluginError)> {
    let mut told = Vec::new();
    for (index, step) in (1..).zip(&plan.steps) {
        let Some(system) = step.system.as_ref().filter(|_| store.get(&step.key).is_none()) else {
            continue;
        };
        let messages = system.rehearses.then(|| messages(plan, step, system, store, supervision));
        let messages = messages.transpose().map_err(|error| (step.title(), error))?;
        told.push(Rehearsed { index, step, system, messages });
    }
    Ok(told)
}

fn messages(
    plan: &Plan,
    step: &Step,
    system: &SystemUse,
    store: &Store,
    supervision: &Supervision<'_>,
) -> Result<Vec<Message>, PluginError> {
    let folder = StepFolder::new().map_err(|error| PluginError::from_error("io", &error))?;
    let mut request = plan.request(step, input(plan, step, store));
    request.output_dir = folder.output_dir();
    request.scratch_dir = folder.scratch_dir();
    let call = Call::Run { plugin: step.library.clone(), request: Box::new(request) };
    let job_folder = JobFolder::beside(&call)?;
    let job = Box::new(job(&step.title(), &call, step.threads, job_folder.path())?);
    let SystemUse { library, name, config, .. } = system;
    match ask(library, name, config, SystemCall::Rehearse { job }, supervision)? {
        SystemReply::Messages(messages) => Ok(messages),
        _ => Err(wrong(name, "rehearse")),
    }
}

/// The model that `step` works on; where an earlier step is still to make it, one of the kind that
/// the step takes, at the place where that will be.
fn input(plan: &Plan, step: &Step, store: &Store) -> Model {
    let wanted = step.input();
    let is_maker = |other: &&Step| matches!(other.role, Role::Pass { .. }) && other.model == wanted;
    let Some(maker) = plan.steps.iter().find(is_maker) else {
        return plan.input.model.clone();
    };
    match store.get(&maker.key).map(|stored| stored.outcome) {
        Some(StepOutcome::Model(model)) => model,
        _ => {
            let kind = step.accepts.first().copied().unwrap_or(ModelKind::Hf);
            Model::new(kind, store.step_dir(&maker.key).join("files"))
        }
    }
}
