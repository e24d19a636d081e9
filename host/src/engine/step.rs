//! One step: look up, else lock, run in a worker, publish.

use std::fs;
use std::thread;

use olive_schemas::error::PluginError;
use olive_schemas::footprint::StepStatus;
use olive_schemas::model::Model;
use olive_schemas::protocol::{Call, Usage};
use olive_schemas::step::{LogLevel, StepEvent, StepRequest};

use super::RunContext;
use super::elsewhere;
use super::ended::{Begun, Ended, Failed, Worked, publish};
use super::inputs::Inputs;
use super::left::{self, TakenUp};
use super::note::Note;
use super::record::Recorder;
use crate::plan::{Plan, Role, Step};
use crate::plugin::process::{self, Failure, Supervision};
use crate::prepare::{look_again, refusal};
use crate::store::lock::{Lock, PATIENCE};
use crate::store::{StoreError, StoredStep, Work};

/// Runs `step` on `input`, or takes the result that the store has.
pub(super) fn run(plan: &Plan, step: &Step, input: Model, context: &RunContext<'_>) -> Ended {
    let recorder = Recorder::default();
    let begun = Begun::now();
    match reuse_or_work(plan, step, input, context, &recorder) {
        Ok(stored) => Ended { record: stored.record, outcome: Some(stored.outcome) },
        Err(failed) => Ended::without_result(step, *failed, &begun, &recorder),
    }
}

fn reuse_or_work(
    plan: &Plan,
    step: &Step,
    input: Model,
    context: &RunContext<'_>,
    recorder: &Recorder,
) -> Result<StoredStep, Failed> {
    let plain = |error| Box::new((error, Usage::default()));
    if let Some(stored) = reuse(step, context) {
        return Ok(stored);
    }
    let Some(lock) = wait_for_lock(step, context).map_err(plain)? else {
        return Err(plain(PluginError::cancelled()));
    };
    // Another run may have done the step while this one waited.
    if let Some(stored) = reuse(step, context) {
        return Ok(stored);
    }
    if (context.is_cancelled)() {
        return Err(plain(PluginError::cancelled()));
    }
    let store = context.store;
    let refused = |error: StoreError| plain(error.of_step());
    let input_hold = store.hold_at_home(&input, context.is_cancelled).map_err(refused)?;
    if input_hold.is_none() {
        return Err(plain(PluginError::cancelled()));
    }
    check_input(plan, step, &input, context, recorder).map_err(plain)?;
    let (mut work, left) = left::work(plan, step, lock, context, recorder).map_err(plain)?;
    let attempt = |work: &Work, input: Model, job: Option<&TakenUp>| {
        recorder.go_on(work.earlier_curve());
        let result = work_on(plan, step, input, work, context, recorder, job);
        if result.is_err() {
            work.keep_curve(&recorder.parts().0);
        }
        result
    };
    let result = attempt(&work, input.clone(), left.as_ref());
    let in_vain = match (&left, &result) {
        (Some(job), Err(failed)) if !work.stays() && job.is_in_vain(&failed.0) => {
            Some(failed.0.clone())
        }
        _ => None,
    };
    let Some(why) = in_vain.filter(|_| !(context.is_cancelled)()) else { return result };
    left::tell_in_vain(&why, context, recorder);
    work.begin_anew().map_err(refused)?;
    attempt(&work, input, None)
}

fn reuse(step: &Step, context: &RunContext<'_>) -> Option<StoredStep> {
    let mut stored = context.store.get(&step.key)?;
    context.store.drop_checkpoints(&step.key);
    stored.record.status = StepStatus::Reused;
    Some(stored)
}

/// The lock of the step; `None` when the user stopped waiting for it.
fn wait_for_lock(step: &Step, context: &RunContext<'_>) -> Result<Option<Lock>, PluginError> {
    let mut is_told = false;
    loop {
        let lock = context.store.try_lock(&step.key).map_err(|error| error.of_step())?;
        if lock.is_some() || (context.is_cancelled)() {
            return Ok(lock);
        }
        if !is_told {
            is_told = true;
            let message = "another run is doing this step; waiting for its result".to_owned();
            context.view.event(&StepEvent::Log { level: LogLevel::Warning, message });
        }
        thread::sleep(PATIENCE);
    }
}

/// Lets a pass look at the very model it will work on, unless it has.
pub(super) fn check_input(
    plan: &Plan,
    step: &Step,
    input: &Model,
    context: &RunContext<'_>,
    recorder: &Recorder,
) -> Result<(), PluginError> {
    let is_settled = context.settled.contains(&step.key);
    if is_settled || !matches!(step.role, Role::Pass { .. }) {
        return Ok(());
    }
    let found = look_again(plan, step, input.clone(), context.is_cancelled)?;
    let (error, others) = refusal(found);
    for problem in others {
        if !context.told.iter().any(|told| told.message == problem.message) {
            let level = LogLevel::Warning;
            let event = StepEvent::Log { level, message: problem.message };
            recorder.take(&event);
            context.view.event(&event);
        }
    }
    error.map_or(Ok(()), Err)
}

/// Lets the step be done, or follows the job that does it already.
fn work_on(
    plan: &Plan,
    step: &Step,
    input: Model,
    work: &Work,
    context: &RunContext<'_>,
    recorder: &Recorder,
    left: Option<&TakenUp>,
) -> Result<StoredStep, Failed> {
    let begun = Begun::now();
    let request = request(plan, step, input, work)?;
    let inputs = Inputs::of(&request);
    let input = request.input.clone();
    let call = Call::Run { plugin: step.library.clone(), request: Box::new(request) };
    let on_event = |event: StepEvent| {
        recorder.take(&event);
        context.view.event(&event);
    };
    let supervision = Supervision { on_event: &on_event, is_cancelled: context.is_cancelled };
    let output_dir = work.output_dir();
    let done = match (&step.system, left) {
        (None, _) => process::run(&call, step.threads, &supervision),
        (Some(system), Some(TakenUp { id, .. })) => {
            elsewhere::follow(system, (id, &output_dir), &supervision, context.batches)
        }
        (Some(system), None) => {
            let submitted = |id: &str| {
                if let Err(error) = work.leave(&Note::of(system, [(work, id)])) {
                    let message = format!("{error}; this run must go on to its end");
                    on_event(StepEvent::Log { level: LogLevel::Warning, message });
                }
            };
            let call = (&*step.title(), &call, step.threads);
            elsewhere::run(system, call, &submitted, &supervision, context.batches)
        }
    };
    if let (Some(system), Err(Failure::OutOfSight(_))) = (&step.system, &done.result) {
        left::let_go(work, left, system, context, recorder);
    }
    let worked = Worked {
        step,
        input: &input,
        inputs: &[&inputs],
        output_dir: &output_dir,
        moved: &[],
        begun: &begun,
        recorder,
    };
    let (record, outcome) = worked.judge(done, context.store)?;
    publish(step, work, record, &outcome, context.store)
}

/// What the plugin is asked for, in the folders of `work`.
pub(super) fn request(
    plan: &Plan,
    step: &Step,
    input: Model,
    work: &Work,
) -> Result<StepRequest, Failed> {
    let mut request = plan.request(step, input);
    request.output_dir = work.output_dir();
    request.scratch_dir = work.scratch_dir();
    if let Some(folder) = step.shared_dir() {
        let made = fs::create_dir_all(folder).map_err(StoreError::io("make", folder));
        made.map_err(|error| Box::new((error.of_step(), Usage::default())))?;
    }
    if let Role::Pass { .. } | Role::Fetch { .. } = step.role {
        let folder = work.checkpoint_dir(&step.name, &step.plugin);
        let failed = |error: StoreError| Box::new((error.of_step(), Usage::default()));
        request.checkpoint_dir = Some(folder.map_err(failed)?);
    }
    Ok(request)
}
