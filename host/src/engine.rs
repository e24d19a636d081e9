//! The engine: walks a plan, step by step, and tells how it went.
//!
//! A step whose result the store has is not run. The first step that fails ends the run; what the
//! steps before it made stays in the store for the next one.

mod step;
mod inputs;
mod outcome;
mod ended;
mod elsewhere;
mod note;
mod left;
mod chain;
mod batch;
mod record;
mod goals;

use std::time::Instant;

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_schemas::footprint::{Footprint, ModelRecord};
use olive_schemas::metric::MetricValue;
use olive_schemas::model::Model;
use olive_schemas::step::StepOutcome;

use crate::clock;
use crate::plan::{Plan, Role, Step};
use crate::steps::{StepTitle, steps};
use crate::store::{StepKey, Store};
use crate::view::View;
pub use batch::Batches;
pub use elsewhere::rehearsal::{Rehearsed, rehearse};
pub use elsewhere::resource::change_resource;
pub use elsewhere::{ask, job, probe};
use ended::Ended;
pub use goals::outcomes;

/// What a run needs beside its plan.
pub struct RunContext<'a> {
    /// Where results are kept.
    pub store: &'a Store,
    /// Who is told.
    pub view: &'a View,
    /// Whether the user wants to stop.
    pub is_cancelled: &'a dyn Fn() -> bool,
    /// What has been told about the config already.
    pub told: Vec<Diagnostic>,
    /// Steps whose pass has looked at its model already.
    pub settled: Vec<StepKey>,
    /// Trials that run at the same time, whose steps go to systems together.
    pub batches: Option<&'a Batches>,
}

/// Runs `plan`.
///
/// The footprint tells every step that was begun, the one that failed included.
pub fn execute(plan: &Plan, context: &RunContext<'_>) -> Footprint {
    let start = Instant::now();
    let start_time = clock::now();
    let titles = plan.titles(context.store);
    context.view.run_started(&plan.workflow_id, &titles);
    let models = walk(plan, &titles, context, None);
    Footprint {
        workflow_id: plan.workflow_id.clone(),
        olive_version: env!("CARGO_PKG_VERSION").into(),
        threads: plan.threads,
        accelerator: plan.accelerator.clone(),
        start_time,
        duration_sec: start.elapsed().as_secs_f64(),
        goals: goals::outcomes(&plan.goals, &models),
        models,
        diagnostics: context.told.clone(),
        search: None,
        origin: None,
        output_dir: None,
    }
}

/// Whether a run that has made so many models goes on.
pub type GoesOn<'a> = dyn Fn(&[ModelRecord]) -> bool + 'a;

/// The models that the steps of `plan` make and measure, until one fails or `goes_on`, where it is
/// asked, is false of the models so far.
///
/// Steps that follow each other on a system that takes chains are handed over together, where nobody
/// wants to stop between them.
pub fn walk(
    plan: &Plan,
    titles: &[StepTitle],
    context: &RunContext<'_>,
    goes_on: Option<&GoesOn<'_>>,
) -> Vec<ModelRecord> {
    let mut models = vec![input_record(plan, context.store)];
    let mut steps = plan.steps.iter().zip(titles);
    while let Some((step, title)) = steps.clone().next() {
        let Some(input) = model(&models, step.input()) else { break };
        let of_chain = match goes_on {
            None => chain::run(plan, steps.clone().collect(), &models, context),
            Some(_) => None,
        };
        let ends = of_chain.unwrap_or_else(|| {
            context.view.step_started(title);
            let ended = step::run(plan, step, input, context);
            context.view.step_ended(title, &ended.record, ended.metrics());
            vec![ended]
        });
        let mut is_done = !ends.is_empty();
        for (ended, (step, _)) in ends.into_iter().zip(&mut steps) {
            is_done &= ended.record.status.is_done();
            attach(&mut models, step, ended, context.store);
        }
        if !is_done || goes_on.is_some_and(|goes_on| !goes_on(&models)) {
            break;
        }
    }
    models
}

/// The model number `number` of those that were made.
fn model(models: &[ModelRecord], number: usize) -> Option<Model> {
    models.get(number)?.model.clone()
}

/// Title of a step, and what it made or why it did not.
pub type EndOfStep = (String, Result<StepOutcome, PluginError>);

/// Runs the one step of `plan`, outside of any run; none when the plan has no step.
pub fn execute_alone(plan: &Plan, context: &RunContext<'_>) -> Option<EndOfStep> {
    let titles = plan.titles(context.store);
    let (step, title) = plan.steps.first().zip(titles.first())?;
    context.view.step_started(title);
    let ended = step::run(plan, step, plan.input.model.clone(), context);
    context.view.step_ended(title, &ended.record, &[]);
    let unknown = || PluginError::new("step-failed", "the step gave no reason");
    let made = ended.outcome.ok_or_else(|| ended.record.error.unwrap_or_else(unknown));
    Some((step.title(), made))
}

/// The step of `footprint` that has no result, and why.
pub fn failure(footprint: &Footprint) -> Option<(String, PluginError)> {
    let step = steps(footprint).into_iter().find(|step| !step.record.status.is_done())?;
    let unknown = || PluginError::new("step-failed", "the step gave no reason");
    Some((step.title, step.record.error.clone().unwrap_or_else(unknown)))
}

fn input_record(plan: &Plan, store: &Store) -> ModelRecord {
    ModelRecord {
        model_id: plan.input.digest.clone(),
        parent_model_id: None,
        size_bytes: size(&plan.input.model, store),
        model: Some(plan.input.model.clone()),
        pass_name: None,
        from_pass: None,
        pass_run_config: None,
        pass_step: None,
        evaluation_steps: Vec::new(),
        metrics: Vec::new(),
    }
}

/// Adds what a step did: a model of its own, or figures of the last one.
fn attach(models: &mut Vec<ModelRecord>, step: &Step, ended: Ended, store: &Store) {
    match &step.role {
        Role::Pass { pass_name } => {
            let model = match ended.outcome {
                Some(StepOutcome::Model(model)) => Some(model),
                _ => None,
            };
            models.push(ModelRecord {
                model_id: step.key.to_string(),
                parent_model_id: models.last().map(|parent| parent.model_id.clone()),
                size_bytes: model.as_ref().and_then(|model| size(model, store)),
                model,
                pass_name: Some(pass_name.clone()),
                from_pass: Some(step.name.clone()),
                pass_run_config: Some(step.full_config.clone()),
                pass_step: Some(ended.record),
                evaluation_steps: Vec::new(),
                metrics: Vec::new(),
            });
        }
        Role::Fetch { .. } => {}
        Role::Evaluation { .. } => {
            let metrics = ended.metrics().to_vec();
            if let Some(measured) = models.last_mut() {
                let known = std::mem::take(&mut measured.metrics);
                let is_new = |value: &MetricValue| known.iter().all(|old| old.key() != value.key());
                let new: Vec<_> = metrics.into_iter().filter(is_new).collect();
                measured.metrics = known.into_iter().chain(new).collect();
                measured.evaluation_steps.push(ended.record);
            }
        }
    }
}

/// Bytes of a model's files, its adapter's among them, wherever `store` has them.
pub fn size(model: &Model, store: &Store) -> Option<u64> {
    let adapter = model.adapter_path.as_deref();
    let paths = std::iter::once(model.model_path.as_path()).chain(adapter);
    paths.map(|path| store.size(path).ok()).sum()
}
