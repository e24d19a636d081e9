//! One step: look up, else lock, run in a worker, publish.

use std::fs;
use std::thread;
use std::time::Instant;

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;
use olive_schemas::footprint::{StepRecord, StepStatus};
use olive_schemas::model::Model;
use olive_schemas::protocol::{Call, Usage};
use olive_schemas::step::{LogLevel, StepEvent, StepOutcome, StepRequest};
use serde::Deserialize;
use serde_json::Value;

use super::RunContext;
use super::elsewhere;
use super::inputs::{Change, Inputs};
use super::outcome::Ground;
use super::record::Recorder;
use crate::clock;
use crate::plan::{Plan, Role, Step};
use crate::plugin::process::{self, Failure, Supervision};
use crate::prepare::look_again;
use crate::store::lock::{Lock, PATIENCE};
use crate::store::{Store, StoreError, StoredStep, Work};

/// A step that came to an end, good or bad.
pub(super) struct Ended {
    pub(super) record: StepRecord,
    /// What it made; none when it failed.
    pub(super) outcome: Option<StepOutcome>,
}

/// Runs `step` on `input`, or takes the result that the store has.
pub(super) fn run(plan: &Plan, step: &Step, input: Model, context: &RunContext<'_>) -> Ended {
    let recorder = Recorder::default();
    let start = Instant::now();
    let start_time = clock::now();
    let result = reuse_or_work(plan, step, input, context, &recorder);
    let (error, usage) = *match result {
        Ok(stored) => return Ended { record: stored.record, outcome: Some(stored.outcome) },
        Err(failed) => failed,
    };
    let status = if error.code == PluginError::CANCELLED {
        StepStatus::Cancelled
    } else {
        StepStatus::Failed
    };
    let (curve, log) = recorder.into_parts();
    let record = StepRecord {
        key: step.key.to_string(),
        plugin: step.plugin.clone(),
        status,
        start_time,
        end_time: clock::now(),
        duration_sec: start.elapsed().as_secs_f64(),
        cpu_sec: usage.cpu_sec,
        peak_memory_bytes: usage.peak_memory_bytes,
        curve,
        log,
        error: Some(error),
    };
    Ended { record, outcome: None }
}

/// Why a step has no result, and what its worker used up.
type Failed = Box<(PluginError, Usage)>;

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
    let work = store.begin(&step.key, lock).map_err(refused)?;
    recorder.go_on(work.earlier_curve());
    let result = work_on(plan, step, input, &work, context, recorder);
    if result.is_err() {
        work.keep_curve(&recorder.parts().0);
    }
    result
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
fn check_input(
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
    let (errors, others): (Vec<Diagnostic>, Vec<Diagnostic>) =
        found.into_iter().partition(|problem| problem.severity == Severity::Error);
    for problem in others {
        if !context.told.iter().any(|told| told.message == problem.message) {
            let level = LogLevel::Warning;
            let event = StepEvent::Log { level, message: problem.message };
            recorder.take(&event);
            context.view.event(&event);
        }
    }
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else { return Ok(()) };
    let mut error = PluginError::new(first.code, first.message);
    error.help = first.help;
    error.causes = errors.map(|problem| problem.message).collect();
    Err(error)
}

fn work_on(
    plan: &Plan,
    step: &Step,
    input: Model,
    work: &Work,
    context: &RunContext<'_>,
    recorder: &Recorder,
) -> Result<StoredStep, Failed> {
    let start_time = clock::now();
    let request = request(plan, step, input, work)?;
    let inputs = Inputs::of(&request);
    let input = request.input.clone();
    let call = Call::Run { plugin: step.library.clone(), request: Box::new(request) };
    let on_event = |event: StepEvent| {
        recorder.take(&event);
        context.view.event(&event);
    };
    let supervision = Supervision { on_event: &on_event, is_cancelled: context.is_cancelled };
    let done = match &step.system {
        None => process::run(&call, plan.threads, &supervision),
        Some(system) => elsewhere::run(system, &step.title(), &call, plan.threads, &supervision),
    };
    let usage = done.usage;
    let failed = |error| Box::new((error, usage));
    if let Some(change) = inputs.change() {
        return Err(failed(changed(step, &change, done.result.err(), context.store)));
    }
    let answer = done.result.map_err(|failure| failed(failure.into_error()))?;
    let outcome = StepOutcome::deserialize(&answer)
        .map_err(|error| failed(unreadable(step, &answer, &error)))?;
    let output_dir = work.output_dir();
    let ground = Ground { step, input: &input, output_dir: &output_dir };
    let outcome = ground.settle(outcome).map_err(failed)?;
    let (curve, log) = recorder.parts();
    let record = StepRecord {
        key: step.key.to_string(),
        plugin: step.plugin.clone(),
        status: StepStatus::Ran,
        start_time,
        end_time: clock::now(),
        duration_sec: done.duration.as_secs_f64(),
        cpu_sec: usage.cpu_sec,
        peak_memory_bytes: usage.peak_memory_bytes,
        curve,
        log,
        error: None,
    };
    let published = context.store.publish(work, &step.name, record, &outcome, step.shared_dir());
    published.map_err(|error| match error {
        StoreError::Foreign { .. } => failed(foreign(step, &error)),
        _ => failed(error.of_step()),
    })
}

/// What the plugin is asked for, in the folders of `work`.
fn request(plan: &Plan, step: &Step, input: Model, work: &Work) -> Result<StepRequest, Failed> {
    let mut request = plan.request(step, input);
    request.output_dir = work.output_dir();
    request.scratch_dir = work.scratch_dir();
    if let Some(folder) = step.shared_dir() {
        let made = fs::create_dir_all(folder).map_err(StoreError::io("make", folder));
        made.map_err(|error| Box::new((error.of_step(), Usage::default())))?;
    }
    if let Role::Pass { .. } = step.role {
        let folder = work.checkpoint_dir(&step.name, &step.plugin);
        let failed = |error: StoreError| Box::new((error.of_step(), Usage::default()));
        request.checkpoint_dir = Some(folder.map_err(failed)?);
    }
    Ok(request)
}

/// The error that an input has changed under the step; what is made of it must not be kept.
fn changed(step: &Step, change: &Change, result: Option<Failure>, store: &Store) -> PluginError {
    store.forget(&change.path);
    let path = change.path.display();
    let message = format!("input `{path}` {} since plugin `{}` began", change.what, step.plugin);
    let mut error = PluginError::new("input-changed", message);
    error.causes.extend(result.map(|failure| failure.into_error().to_string()));
    error.with_help(
        "plugins never change what they read: if no other program did, report it to the plugin's \
         authors; the result was not kept",
    )
}

/// The error that `answer` is no outcome of a step; a figure without a number is told by its name.
fn unreadable(step: &Step, answer: &Value, error: &serde_json::Error) -> PluginError {
    let figures = answer.get("value").and_then(Value::as_array).into_iter().flatten();
    let is_none = |figure: &&Value| figure.get("value").is_none_or(|value| !value.is_number());
    let name = |figure: &Value| {
        let part = |key: &str| figure.get(key).and_then(Value::as_str);
        let value = figure.get("value").unwrap_or(&Value::Null);
        Some((format!("{}-{}", part("metric")?, part("sub_type")?), value.to_string()))
    };
    let plugin = &step.plugin;
    let message = match figures.filter(is_none).find_map(name) {
        Some((figure, value)) => {
            format!("plugin `{plugin}` gives `{figure}` as {value}, no number")
        }
        None => format!("the answer of plugin `{plugin}`: {error}"),
    };
    PluginError::new("answer", message)
}

fn foreign(step: &Step, error: &StoreError) -> PluginError {
    let message = format!("plugin `{}` made what cannot be kept: {error}", step.plugin);
    PluginError::new("answer", message)
        .with_help("a result is made of files and folders: report this to the plugin's authors")
}
