//! A step on a plugin's system: submitted, followed, collected.
//!
//! The system starts the same worker that would run here, and gives back what it writes. Whatever
//! the system says of a job, the step is done when its worker's last message is there.

mod call;
pub(super) mod rehearsal;
pub(super) mod resource;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;
use olive_schemas::protocol::{Call, End, Usage};
use olive_schemas::step::{LogLevel, StepEvent, StepRequest};
use olive_schemas::system::{ChainedJob, Job, JobState, SystemCall, SystemReply};
use serde_json::Value;

use super::batch::Batches;
use super::inputs::references;
use crate::plan::SystemUse;
use crate::plugin::manifest;
use crate::plugin::process::chatter::Chatter;
use crate::plugin::process::{self, Failure, Outcome, Supervision};
use crate::prepare::refusal;

/// Time between two looks at a job, at first and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];
/// The same at most for a job that waits for its turn, maybe among many.
const LOOK_AT_QUEUE: Duration = Duration::from_secs(5);
/// How often the host asks in vain before it gives up.
const PATIENCE: usize = 5;

/// Makes `call`, which people call `title`, on `system`, beside those of other trials when there are
/// `batches`.
pub(super) fn run(
    system: &SystemUse,
    (title, call, threads): (&str, &Call, usize),
    supervision: &Supervision<'_>,
    batches: Option<&Batches>,
) -> Outcome {
    let start = Instant::now();
    let mut following = Following::on(system, supervision);
    let result = following.run(title, call, threads, batches).map_err(Failure::Plugin);
    Outcome { result, usage: following.usage, duration: start.elapsed() }
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
    // A job is cancelled by a call of its own, which must not be cut short.
    let supervision = Supervision { on_event: &log, is_cancelled: &|| false };
    call::ask(library, name, config, call, &supervision)
}

/// What a host does with the jobs of a system.
pub(super) struct Following<'a> {
    system: &'a SystemUse,
    supervision: &'a Supervision<'a>,
    usage: Usage,
}

impl<'a> Following<'a> {
    pub(super) fn on(system: &'a SystemUse, supervision: &'a Supervision<'a>) -> Self {
        Self { system, supervision, usage: Usage::default() }
    }

    fn run(
        &mut self,
        title: &str,
        call: &Call,
        threads: usize,
        batches: Option<&Batches>,
    ) -> Result<Value, PluginError> {
        let folder = JobFolder::beside(call)?;
        let job = job(title, call, threads, folder.path())?;
        let Some(batches) = batches.filter(|_| self.system.batches) else {
            let id = self.submit(job)?;
            return self.finish(id);
        };
        let submit = |mut jobs: Vec<Job>, at_a_time: usize| match (jobs.len(), jobs.pop()) {
            (1, Some(job)) => self.submit(job).map(|id| vec![id]),
            (_, last) => {
                jobs.extend(last);
                self.submit_batch(jobs, at_a_time)
            }
        };
        let id = batches.submit(self.system, job, submit)?;
        let _away = batches.leave();
        self.finish(id)
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

    /// Follows the job `id` from its beginning to its end, and brings its files.
    pub(super) fn outcome(&mut self, id: String) -> Outcome {
        let start = Instant::now();
        let result = self.finish(id).map_err(Failure::Plugin);
        Outcome { result, usage: self.usage, duration: start.elapsed() }
    }

    /// Ends the job `id`, which nobody waits for.
    pub(super) fn give_up(&self, id: String) {
        let ended = self.ask(SystemCall::Cancel { id: id.clone() });
        if let Err(error) = ended.and_then(|_| self.ask(SystemCall::Collect { id })) {
            self.log(LogLevel::Warning, error.to_string());
        }
    }

    fn finish(&mut self, id: String) -> Result<Value, PluginError> {
        self.log(LogLevel::Info, format!("job `{id}` on `{}`", self.system.label));
        let mut chatter = Chatter::new(self.supervision.on_event);
        let answer = self.follow(&id, &mut chatter);
        chatter.end();
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

    /// Hands on what the job's worker writes until its last message is there.
    fn follow(&mut self, id: &str, chatter: &mut Chatter<'_>) -> Result<Value, PluginError> {
        let (mut next, mut pause, mut failures) = (0, LOOKS[0], 0);
        let mut known = None;
        let mut stopped = None;
        loop {
            if (self.supervision.is_cancelled)() {
                self.ask(SystemCall::Cancel { id: id.to_owned() })?;
                return Err(PluginError::cancelled());
            }
            // The state first: what an ended job wrote is then complete.
            let state = self.ask(SystemCall::Poll { id: id.to_owned() });
            let part = self.ask(SystemCall::Logs { id: id.to_owned(), from: next });
            let (state, part) = match (state, part) {
                (Ok(SystemReply::State(state)), Ok(SystemReply::Logs(part))) => (state, part),
                (Ok(_), Ok(_)) => return Err(self.wrong("poll")),
                (Err(error), _) | (_, Err(error)) => {
                    failures += 1;
                    if failures == PATIENCE {
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
                JobState::Ended { .. } | JobState::Lost { .. } if has_grown => continue,
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
        PluginError::new("job-lost", message)
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

/// Folder for what a system remembers of a job; removed with the step.
pub(super) struct JobFolder(PathBuf);

impl JobFolder {
    /// A folder beside the output folder of `call`, so that a shared disk holds both.
    pub(super) fn beside(call: &Call) -> Result<Self, PluginError> {
        let folder = Self::of(&request(call)?.output_dir);
        std::fs::create_dir_all(&folder.0)
            .map_err(|error| PluginError::from_error("io", &error))?;
        Ok(folder)
    }

    /// The one that was made for the job that writes `output_dir`.
    pub(super) fn of(output_dir: &Path) -> Self {
        Self(output_dir.with_file_name("job"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for JobFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn request(call: &Call) -> Result<&StepRequest, PluginError> {
    match call {
        Call::Run { request, .. } | Call::Prepare { request, .. } => Ok(request),
        Call::Describe { .. } => Err(PluginError::new("request", "a call without a step")),
    }
}

/// The worker that makes `call` as a job, which people call `title`; a system remembers it in
/// `folder`.
///
/// # Errors
/// When `call` is about no step, or this program is not found.
pub fn job(title: &str, call: &Call, threads: usize, folder: &Path) -> Result<Job, PluginError> {
    let request = request(call)?;
    let data = request.data_configs.values();
    let provider = request.execution_provider_library.as_ref();
    let inputs = [manifest::parts(call.callee()), request.input.model_path.clone()]
        .into_iter()
        .chain(call.callee().graph_editor.iter().map(|editor| manifest::parts(editor)))
        .chain(provider.and_then(|library| Some(library.path.parent()?.to_owned())))
        .chain(request.input.adapter_path.clone())
        .chain(data.flat_map(|data| data.load_dataset_config.data_files.clone()))
        .chain(references(request))
        .collect();
    let line = serde_json::to_string(&call.to_line())
        .map_err(|error| PluginError::from_error("request", &error))?;
    let program = std::env::current_exe().map_err(|error| PluginError::from_error("io", &error))?;
    Ok(Job {
        title: title.to_owned(),
        program,
        arguments: vec!["worker".into(), "--detached".into()],
        environment: process::environment(call, threads),
        input: line + "\n",
        folder: folder.to_owned(),
        inputs,
        outputs: vec![request.output_dir.clone(), request.scratch_dir.clone()],
        checkpoints: request.checkpoint_dir.clone(),
        threads,
        ranks: request.ranks,
    })
}
