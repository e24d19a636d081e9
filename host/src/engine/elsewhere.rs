//! A step on a plugin's system: submitted, followed, collected.
//!
//! The system starts the same worker that would run here, and gives back what it writes. Whatever
//! the system says of a job, the step is done when its worker's last message is there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::protocol::{Call, End, Usage};
use olive_schemas::step::{LogLevel, StepEvent, StepKind, StepOutcome, StepRequest};
use olive_schemas::system::{Job, JobState, SystemCall, SystemReply, SystemRequest};
use serde_json::Value;

use super::inputs::references;
use crate::plan::SystemUse;
use crate::plugin::manifest;
use crate::plugin::process::chatter::Chatter;
use crate::plugin::process::{self, Failure, Outcome, Supervision};
use crate::prepare::StepFolder;

/// Time between two looks at a job, at first and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];
/// How often the host asks in vain before it gives up.
const PATIENCE: usize = 5;

/// Makes `call`, which people call `title`, on `system`.
pub(super) fn run(
    system: &SystemUse,
    title: &str,
    call: &Call,
    threads: usize,
    supervision: &Supervision<'_>,
) -> Outcome {
    let start = Instant::now();
    let mut following = Following { system, supervision, usage: Usage::default() };
    let result = following.run(title, call, threads).map_err(Failure::Plugin);
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
    let following = Following { system, supervision, usage: Usage::default() };
    following.problems()
}

struct Following<'a> {
    system: &'a SystemUse,
    supervision: &'a Supervision<'a>,
    usage: Usage,
}

impl Following<'_> {
    fn run(&mut self, title: &str, call: &Call, threads: usize) -> Result<Value, PluginError> {
        let folder = JobFolder::beside(call)?;
        self.probe()?;
        let job = job(title, call, threads, &folder)?;
        let SystemReply::Submitted(id) = self.ask(SystemCall::Submit { job: Box::new(job) })?
        else {
            return Err(self.wrong("submit"));
        };
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
        let mut errors = Vec::new();
        for problem in self.problems()? {
            match problem.severity {
                Severity::Error => errors.push(problem),
                Severity::Warning => self.log(LogLevel::Warning, problem.message),
                Severity::Note => self.log(LogLevel::Debug, problem.message),
            }
        }
        let mut errors = errors.into_iter();
        let Some(first) = errors.next() else { return Ok(()) };
        let mut error = PluginError::new(first.code, first.message);
        error.help = first.help;
        error.causes = errors.map(|problem| problem.message).collect();
        Err(error)
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
            if part.next > next {
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
            pause = (pause * 2).min(LOOKS[1]);
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
        let message = format!("system `{}` gave no answer to `{call}`", self.system.name);
        PluginError::new("answer", message)
    }

    fn log(&self, level: LogLevel, message: String) {
        (self.supervision.on_event)(StepEvent::Log { level, message });
    }

    /// Asks the system, in a worker of its own.
    fn ask(&self, call: SystemCall) -> Result<SystemReply, PluginError> {
        let io = |error: std::io::Error| PluginError::from_error("io", &error);
        let folder = StepFolder::new().map_err(io)?;
        let request = SystemRequest { config: self.system.config.clone(), call };
        let config = serde_json::to_value(request)
            .map_err(|error| PluginError::from_error("request", &error))?;
        let request = StepRequest {
            kind: StepKind::System,
            name: self.system.name.clone(),
            config,
            input: Model::new(ModelKind::Hf, ""),
            is_input_final: true,
            data_configs: BTreeMap::new(),
            output_dir: folder.output_dir(),
            scratch_dir: folder.scratch_dir(),
            checkpoint_dir: None,
            shared_dir: None,
            ranks: 1,
            threads: 1,
            accelerator: olive_schemas::step::Accelerator::default(),
            execution_provider_library: None,
            package: None,
        };
        let call = Call::Run { plugin: self.system.library.clone(), request: Box::new(request) };
        let log = |event| (self.supervision.on_event)(event);
        // A job is cancelled by a call of its own, which must not be cut short.
        let supervision = Supervision { on_event: &log, is_cancelled: &|| false };
        let answer = process::run(&call, 1, &supervision).result.map_err(Failure::into_error)?;
        match serde_json::from_value(answer) {
            Ok(StepOutcome::Reply(reply)) => Ok(reply),
            _ => Err(self.wrong("a call")),
        }
    }
}

/// Whether a worker ended because it was asked to. Nobody here did: its system says why, or starts
/// it again.
fn is_stop(end: &End) -> bool {
    matches!(end, End::Failed { error, .. } if error.code == PluginError::CANCELLED)
}

/// Folder for what a system remembers of a job; removed with the step.
struct JobFolder(PathBuf);

impl JobFolder {
    /// A folder beside the output folder of `call`, so that a shared disk holds both.
    fn beside(call: &Call) -> Result<Self, PluginError> {
        let request = request(call)?;
        let path = request.output_dir.with_file_name("job");
        std::fs::create_dir_all(&path).map_err(|error| PluginError::from_error("io", &error))?;
        Ok(Self(path))
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

fn job(title: &str, call: &Call, threads: usize, folder: &JobFolder) -> Result<Job, PluginError> {
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
        folder: folder.0.clone(),
        inputs,
        outputs: vec![request.output_dir.clone(), request.scratch_dir.clone()],
        checkpoints: request.checkpoint_dir.clone(),
        threads,
        ranks: request.ranks,
    })
}
