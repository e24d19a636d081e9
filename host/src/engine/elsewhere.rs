//! A step on a plugin's system: submitted, followed, collected.
//!
//! The system starts the same worker that would run here, and gives back what it writes. Whatever
//! the system says of a job, the step is done when its worker's last message is there.

mod call;
pub(super) mod folder;
pub(super) mod rehearsal;
pub(super) mod resource;
mod sent;

use std::cell::RefCell;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;
use olive_schemas::protocol::{Call, End, Usage};
use olive_schemas::step::{LogLevel, StepEvent};
use olive_schemas::system::{ChainedJob, Job, JobState, LogPart, SystemCall, SystemReply};
use serde_json::Value;

use super::batch::Batches;
use crate::plan::SystemUse;
use crate::plugin::process::chatter::Chatter;
use crate::plugin::process::{Failure, Outcome, Supervision};
use crate::prepare::refusal;
use folder::JobFolder;
pub use sent::job;
use sent::request;

/// Time between two looks at a job, at first and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];
/// The same at most for a job that waits for its turn, maybe among many.
const LOOK_AT_QUEUE: Duration = Duration::from_secs(5);
/// Code of the error that a job has ended by what has nothing to do with its step.
pub(super) const LOST: &str = "job-lost";
/// How often the host asks in vain before it gives up.
const PATIENCE: usize = 5;

/// Makes `call`, which people call `title`, on `system`, beside those of other trials when there are
/// `batches`; tells the id of the job to `submitted`.
pub(super) fn run(
    system: &SystemUse,
    (title, call, threads): (&str, &Call, usize),
    submitted: &dyn Fn(&str),
    supervision: &Supervision<'_>,
    batches: Option<&Batches>,
) -> Outcome {
    let start = Instant::now();
    let mut following = Following::on(system, supervision);
    let result = following.run((title, call, threads), submitted, batches);
    following.told(result, start)
}

/// Follows the job `id`, which writes `output_dir` and which an earlier run has started on `system`.
pub(super) fn follow(
    system: &SystemUse,
    (id, output_dir): (&str, &Path),
    supervision: &Supervision<'_>,
    batches: Option<&Batches>,
) -> Outcome {
    let folder = JobFolder::of(output_dir);
    let _away = batches.filter(|_| system.batches).map(Batches::leave);
    Following::on(system, supervision).outcome(id.to_owned(), &folder)
}

/// What `system` finds in the way of steps, and else of itself; pointers start at its own config.
///
/// # Errors
/// When it cannot be reached at all.
pub fn probe(
    system: &SystemUse,
    supervision: &Supervision<'_>,
) -> Result<Vec<Diagnostic>, PluginError> {
    Following::on(system, supervision).problems()
}

/// What `system` answers to `call`, which a worker of its own makes.
///
/// # Errors
/// When the system gives one, or no answer.
pub fn ask(
    system: &SystemUse,
    call: SystemCall,
    supervision: &Supervision<'_>,
) -> Result<SystemReply, PluginError> {
    let SystemUse { library, name, config, .. } = system;
    let log = |event| (supervision.on_event)(event);
    // A job that is there is cancelled by a call of its own, which must not be cut short.
    let may_stop = matches!(
        call,
        SystemCall::Probe
            | SystemCall::Submit { .. }
            | SystemCall::SubmitChain { .. }
            | SystemCall::SubmitBatch { .. }
    );
    let is_cancelled = || may_stop && (supervision.is_cancelled)();
    let supervision = Supervision { on_event: &log, is_cancelled: &is_cancelled };
    call::ask(library, name, config, call, &supervision)
}

/// What a host does with the jobs of a system.
pub(super) struct Following<'a> {
    system: &'a SystemUse,
    supervision: &'a Supervision<'a>,
    usage: Usage,
    /// Whether the system no longer says how the job is, or does not end it.
    is_out_of_sight: bool,
}

impl<'a> Following<'a> {
    pub(super) fn on(system: &'a SystemUse, supervision: &'a Supervision<'a>) -> Self {
        Self { system, supervision, usage: Usage::default(), is_out_of_sight: false }
    }

    fn run(
        &mut self,
        (title, call, threads): (&str, &Call, usize),
        submitted: &dyn Fn(&str),
        batches: Option<&Batches>,
    ) -> Result<Value, PluginError> {
        let folder = JobFolder::beside(call)?;
        let job = job(title, call, threads, folder.path())?;
        let Some(batches) = batches.filter(|_| self.system.batches) else {
            let id = self.submit(job)?;
            submitted(&id);
            return self.finish(id, &folder);
        };
        let submit = |mut jobs: Vec<Job>, at_a_time: usize| match (jobs.len(), jobs.pop()) {
            (1, Some(job)) => self.submit(job).map(|id| vec![id]),
            (_, last) => {
                jobs.extend(last);
                self.submit_batch(jobs, at_a_time)
            }
        };
        let id = batches.submit(self.system, job, submit)?;
        submitted(&id);
        let _away = batches.leave();
        self.finish(id, &folder)
    }

    fn submit(&self, job: Job) -> Result<String, PluginError> {
        self.probe()?;
        match self.ask(SystemCall::Submit { job: Box::new(job) })? {
            SystemReply::Submitted(id) => Ok(id),
            _ => Err(self.wrong("submit")),
        }
    }

    fn submit_batch(&self, jobs: Vec<Job>, at_a_time: usize) -> Result<Vec<String>, PluginError> {
        self.probe()?;
        let num_jobs = jobs.len();
        match self.ask(SystemCall::SubmitBatch { jobs, at_a_time })? {
            SystemReply::SubmittedAll(ids) if ids.len() == num_jobs => Ok(ids),
            _ => Err(self.wrong("submit_batch")),
        }
    }

    /// Starts the jobs of a chain; gives their ids.
    ///
    /// # Errors
    /// When the system is not ready, or does not accept one.
    pub(super) fn submit_chain(&self, jobs: Vec<ChainedJob>) -> Result<Vec<String>, PluginError> {
        self.probe()?;
        let num_jobs = jobs.len();
        match self.ask(SystemCall::SubmitChain { jobs })? {
            SystemReply::SubmittedAll(ids) if ids.len() == num_jobs => Ok(ids),
            _ => Err(self.wrong("submit_chain")),
        }
    }

    /// Follows the job `id`, which is remembered in `folder`, from its beginning to its end, and
    /// brings its files.
    pub(super) fn outcome(&mut self, id: String, folder: &JobFolder) -> Outcome {
        let start = Instant::now();
        let result = self.finish(id, folder);
        self.told(result, start)
    }

    /// Whether the job `id` has ended, as far as the system can say. What it tells of an end is left
    /// to whoever follows the job.
    ///
    /// # Errors
    /// When the job is on another machine.
    pub(super) fn is_over(&self, id: &str) -> Result<bool, PluginError> {
        let told = RefCell::new(Vec::new());
        let on_event = |event: StepEvent| told.borrow_mut().push(event);
        let is_cancelled = self.supervision.is_cancelled;
        let aside = Supervision { on_event: &on_event, is_cancelled };
        match ask(self.system, SystemCall::Poll { id: id.to_owned() }, &aside) {
            Ok(SystemReply::State(JobState::Ended { .. } | JobState::Lost { .. })) => Ok(true),
            Err(error) if error.code == PluginError::OTHER_MACHINE => Err(error),
            _ => {
                told.take().into_iter().for_each(self.supervision.on_event);
                Ok(false)
            }
        }
    }

    /// Whether the system takes jobs.
    pub(super) fn is_ready(&self) -> bool {
        self.problems().is_ok_and(|problems| refusal(problems).0.is_none())
    }

    /// Ends the job `id`, which nobody waits for.
    ///
    /// # Errors
    /// When it may go on.
    pub(super) fn give_up(&self, id: &str) -> Result<(), PluginError> {
        if let Err(error) = self.ask(SystemCall::Cancel { id: id.to_owned() }) {
            return if self.is_over(id)? { Ok(()) } else { Err(error) };
        }
        if let Err(error) = self.ask(SystemCall::Collect { id: id.to_owned() }) {
            self.log(LogLevel::Warning, error.to_string());
        }
        Ok(())
    }

    fn told(&self, result: Result<Value, PluginError>, start: Instant) -> Outcome {
        let why = if self.is_out_of_sight { Failure::OutOfSight } else { Failure::Plugin };
        Outcome { result: result.map_err(why), usage: self.usage, duration: start.elapsed() }
    }

    fn finish(&mut self, id: String, folder: &JobFolder) -> Result<Value, PluginError> {
        self.log(LogLevel::Info, format!("job `{id}` on `{}`", self.system.label));
        let mut chatter = Chatter::new(self.supervision.on_event);
        let answer = self.follow(&id, &mut chatter);
        chatter.end();
        if self.is_out_of_sight {
            folder.stay();
            return answer;
        }
        let collected = self.ask(SystemCall::Collect { id });
        let answer = answer?;
        collected.map(|_| answer)
    }

    fn problems(&self) -> Result<Vec<Diagnostic>, PluginError> {
        match self.ask(SystemCall::Probe)? {
            SystemReply::Problems(problems) => Ok(problems),
            _ => Err(self.wrong("probe")),
        }
    }

    fn probe(&self) -> Result<(), PluginError> {
        let (error, others) = refusal(self.problems()?);
        for problem in others {
            let is_note = problem.severity == Severity::Note;
            let level = if is_note { LogLevel::Debug } else { LogLevel::Warning };
            self.log(level, problem.message);
        }
        error.map_or(Ok(()), Err)
    }

    /// Ends the job, which was stopped; gives what its step ends with.
    fn cancel(&mut self, id: &str) -> PluginError {
        let ended = self.ask(SystemCall::Cancel { id: id.to_owned() });
        self.is_out_of_sight = ended.is_err();
        ended.err().unwrap_or_else(PluginError::cancelled)
    }

    /// Hands on what the job's worker writes until its last message is there.
    fn follow(&mut self, id: &str, chatter: &mut Chatter<'_>) -> Result<Value, PluginError> {
        let (mut next, mut pause, mut failures) = (0, LOOKS[0], 0);
        let (mut known, mut stopped, mut end) = (None, None, None);
        loop {
            if (self.supervision.is_cancelled)() {
                return Err(self.cancel(id));
            }
            let (state, part) = match self.look(id, next, end.take()) {
                Ok(Some(seen)) => seen,
                Ok(None) => return Err(self.wrong("poll")),
                Err(error) => {
                    failures += 1;
                    if failures == PATIENCE {
                        self.is_out_of_sight = true;
                        return Err(error);
                    }
                    self.log(LogLevel::Warning, error.to_string());
                    thread::sleep(pause);
                    continue;
                }
            };
            failures = 0;
            let has_grown = part.next > next;
            if has_grown {
                pause = LOOKS[0];
            }
            next = part.next;
            for line in part.text.lines() {
                match chatter.line(line) {
                    Some(end) if is_stop(&end) => stopped = Some(end),
                    Some(end) => return self.answer(end),
                    None => {}
                }
            }
            match state {
                // There may be more of what it wrote.
                JobState::Ended { .. } | JobState::Lost { .. } if has_grown => {
                    end = Some(state);
                    continue;
                }
                JobState::Queued { .. } | JobState::Running => {
                    // What waits again was not stopped for good.
                    stopped = stopped.filter(|_| state == JobState::Running);
                    if known.as_ref() != Some(&state) {
                        self.tell(&state);
                        known = Some(state);
                    }
                }
                JobState::Ended { exit_code } => match stopped {
                    Some(end) => return self.answer(end),
                    None => return Err(self.ended(exit_code, chatter.complaints())),
                },
                JobState::Lost { reason } => return Err(self.lost(&reason)),
            }
            thread::sleep(pause);
            let is_queued = matches!(known, Some(JobState::Queued { .. }));
            pause = (pause * 2).min(if is_queued { LOOK_AT_QUEUE } else { LOOKS[1] });
        }
    }

    /// How the job `id` is, unless it has come to this `end`, and what it wrote from byte `from` on;
    /// none when the system answers something else.
    fn look(
        &self,
        id: &str,
        from: u64,
        end: Option<JobState>,
    ) -> Result<Option<(JobState, LogPart)>, PluginError> {
        let poll = || self.ask(SystemCall::Poll { id: id.to_owned() });
        // The state first: what an ended job wrote is then complete.
        let state = end.map_or_else(poll, |end| Ok(SystemReply::State(end)));
        let part = self.ask(SystemCall::Logs { id: id.to_owned(), from });
        match (state?, part?) {
            (SystemReply::State(state), SystemReply::Logs(part)) => Ok(Some((state, part))),
            _ => Ok(None),
        }
    }

    fn answer(&mut self, end: End) -> Result<Value, PluginError> {
        let (answer, usage) = match end {
            End::Done { answer, usage } => (Ok(answer), usage),
            End::Failed { error, usage } => (Err(error), usage),
        };
        self.usage = usage;
        answer
    }

    fn tell(&self, state: &JobState) {
        let label = &self.system.label;
        let message = match state {
            JobState::Queued { reason: Some(reason) } => format!("queued on `{label}`: {reason}"),
            JobState::Queued { reason: None } => format!("queued on `{label}`"),
            _ => format!("running on `{label}`"),
        };
        self.log(LogLevel::Info, message);
    }

    fn ended(&self, exit_code: Option<i32>, complaints: Vec<String>) -> PluginError {
        let code = exit_code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
        let message = format!("the job on `{}` ended{code} and no answer", self.system.label);
        let mut error = PluginError::new("worker-died", message);
        error.causes = complaints;
        error.with_help("what the job wrote to standard error is in the system's own log")
    }

    fn lost(&self, reason: &str) -> PluginError {
        let message = format!("the job on `{}` was lost: {reason}", self.system.label);
        PluginError::new(LOST, message)
            .with_help("what earlier steps made is kept; run again to resume")
    }

    fn wrong(&self, call: &str) -> PluginError {
        call::wrong(&self.system.name, call)
    }

    fn log(&self, level: LogLevel, message: String) {
        (self.supervision.on_event)(StepEvent::Log { level, message });
    }

    fn ask(&self, call: SystemCall) -> Result<SystemReply, PluginError> {
        ask(self.system, call, self.supervision)
    }
}

/// Whether a worker ended because it was asked to. Nobody here did: its system says why, or starts
/// it again.
fn is_stop(end: &End) -> bool {
    matches!(end, End::Failed { error, .. } if error.code == PluginError::CANCELLED)
}
