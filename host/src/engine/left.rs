//! Jobs that an earlier run has left when its host was gone: followed as if this run had started
//! them, or ended.

use olive_schemas::error::PluginError;
use olive_schemas::step::{LogLevel, StepEvent};

use super::RunContext;
use super::elsewhere::{Following, LOST};
use super::note::{Left, Note};
use super::record::Recorder;
use crate::plan::{Plan, Step, SystemUse};
use crate::plugin::process::Supervision;
use crate::store::lock::Lock;
use crate::store::{StepKey, Work};

/// A job of an earlier run that this one follows.
pub(super) struct TakenUp {
    /// Its id.
    pub(super) id: String,
    /// Whether it had ended when this run came to it.
    was_over: bool,
}

impl TakenUp {
    /// The job `id`, and whether it had ended when this run came to it.
    pub(super) fn of(id: String, was_over: bool) -> Self {
        Self { id, was_over }
    }

    /// Whether the step is to be begun anew after `error` of the job: nobody was there to be told of
    /// it, or it is none of the step itself.
    pub(super) fn is_in_vain(&self, error: &PluginError) -> bool {
        self.was_over || [PluginError::CANCELLED, LOST].contains(&error.code.as_str())
    }
}

/// Work on `step`, and the job that does it already when an earlier run has left one on the same
/// system with the same settings. Any other one of the step is ended.
///
/// # Errors
/// When a job is there that cannot be followed or ended, or folders cannot be emptied or made.
pub(super) fn work(
    plan: &Plan,
    step: &Step,
    lock: Lock,
    context: &RunContext<'_>,
    recorder: &Recorder,
) -> Result<(Work, Option<TakenUp>), PluginError> {
    let store = context.store;
    let begin = |lock: Lock| -> Result<(Work, Option<TakenUp>), PluginError> {
        end(plan, &step.key, context, recorder)?;
        let work = store.begin(&step.key, lock).map_err(|error| error.of_step())?;
        Ok((work, None))
    };
    let note = store.left::<Note>(&step.key).map(|(_, note)| note);
    let system = step.system.as_ref();
    let wanted = system.zip(note.as_ref()).filter(|(system, note)| note.is_on(system));
    let Some((system, left)) = wanted.and_then(|(system, note)| Some((system, note.alone()?)))
    else {
        return begin(lock);
    };
    let was_over = ask(system, context, recorder, |following| following.is_over(&left.id))?;
    match store.take_up(&step.key, &left.work, lock) {
        Ok(work) => {
            let id = left.id.clone();
            let message = format!("goes on with job `{id}` of an earlier run");
            tell(LogLevel::Info, message, context, recorder);
            Ok((work, Some(TakenUp::of(id, was_over))))
        }
        Err(lock) => begin(lock),
    }
}

/// Ends jobs of an earlier run that would write what the step `key` writes, whose lock the caller
/// holds: its own, and those that come after it in a chain.
///
/// # Errors
/// When its own may go on: two would write the same checkpoints.
pub(super) fn end(
    plan: &Plan,
    key: &StepKey,
    context: &RunContext<'_>,
    recorder: &Recorder,
) -> Result<(), PluginError> {
    let Some((work, note)) = context.store.left::<Note>(key) else { return Ok(()) };
    let (name, jobs) = (note.system_name(), note.from(key.as_str()));
    let Some(own) = jobs.first() else { return Ok(()) };
    let ended = match plan.systems.get(name) {
        Some(library) => give_up(jobs, Some(key), &note.system(library), context, recorder),
        None => Err(PluginError::new("system", "no plugin here has this system")),
    };
    ended.map_err(|why| {
        let id = &own.id;
        let message =
            format!("job `{id}` of an earlier run on `{name}` may still run, and cannot be ended");
        let mut error = PluginError::new("job-left", message);
        error.causes.push(why.to_string());
        let folder = context.store.work_dir().join(work);
        error.with_help(format!(
            "see that it has ended, remove `{}` and run again: the step goes on from its checkpoints",
            folder.display()
        ))
    })
}

/// Ends `jobs` on `system` and removes what they have left, but for that of the step `own`, whose
/// lock the caller holds. Those that another run follows go on, and those that were begun since; what
/// cannot be ended is left to whoever comes to its step.
///
/// # Errors
/// When that of `own` may go on.
pub(super) fn give_up(
    jobs: &[Left],
    own: Option<&StepKey>,
    system: &SystemUse,
    context: &RunContext<'_>,
    recorder: &Recorder,
) -> Result<(), PluginError> {
    let store = context.store;
    for left in jobs {
        // Anybody may have written what lies in a cache folder.
        if !left.key.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
            continue;
        }
        let key = StepKey::from_name(left.key.clone());
        let is_own = own == Some(&key);
        let lock = if is_own { None } else { store.try_lock(&key).ok().flatten() };
        let is_unbegun = |(_, note): (String, Note)| note.has(left);
        let is_free = || store.get(&key).is_none() && store.left(&key).is_none_or(is_unbegun);
        if !is_own && (lock.is_none() || !is_free()) {
            continue;
        }
        let message = format!("ends job `{}` of an earlier run on `{}`", left.id, system.label);
        tell(LogLevel::Info, message, context, recorder);
        match ask(system, context, recorder, |following| following.give_up(&left.id)) {
            Err(error) if is_own => return Err(error),
            Err(error) => {
                tell(LogLevel::Warning, error.to_string(), context, recorder);
                continue;
            }
            Ok(()) => {}
        }
        if let Some(Err(error)) = lock.map(|lock| store.discard(&key, &lock)) {
            tell(LogLevel::Warning, error.to_string(), context, recorder);
        }
    }
    Ok(())
}

/// Leaves the job of `work`, which nothing is heard of, to a later run. One that an earlier run has
/// left is given up when its system has an answer to everything else.
pub(super) fn let_go(
    work: &Work,
    job: Option<&TakenUp>,
    system: &SystemUse,
    context: &RunContext<'_>,
    recorder: &Recorder,
) {
    let is_ready = || ask(system, context, recorder, |following| following.is_ready());
    let given_up = job.filter(|_| is_ready()).map(|TakenUp { id, .. }| {
        ask(system, context, recorder, |following| following.give_up(id))
    });
    let message = match given_up {
        Some(Ok(())) => "the job is given up; run again to begin the step anew",
        failed => {
            if let Some(Err(error)) = failed {
                tell(LogLevel::Warning, error.to_string(), context, recorder);
            }
            work.stay();
            "the job may go on; run again to follow it"
        }
    };
    tell(LogLevel::Warning, message.to_owned(), context, recorder);
}

/// Tells that a step is begun anew after `error` of the job that an earlier run has left.
pub(super) fn tell_in_vain(error: &PluginError, context: &RunContext<'_>, recorder: &Recorder) {
    let message = format!("the earlier run has left no result, the step is begun anew: {error}");
    tell(LogLevel::Warning, message, context, recorder);
}

/// Tells people, and the record of the step.
pub(super) fn tell(
    level: LogLevel,
    message: String,
    context: &RunContext<'_>,
    recorder: &Recorder,
) {
    let event = StepEvent::Log { level, message };
    recorder.take(&event);
    context.view.event(&event);
}

/// Lets `system` be asked; what it tells is of the step that `recorder` keeps.
pub(super) fn ask<T>(
    system: &SystemUse,
    context: &RunContext<'_>,
    recorder: &Recorder,
    ask: impl FnOnce(&mut Following<'_>) -> T,
) -> T {
    let on_event = |event: StepEvent| {
        recorder.take(&event);
        context.view.event(&event);
    };
    let supervision = Supervision { on_event: &on_event, is_cancelled: context.is_cancelled };
    ask(&mut Following::on(system, &supervision))
}
