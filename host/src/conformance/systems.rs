//! Systems, tried with jobs: a toy that Olive's own worker starts there.

mod toy;
mod groups;

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use olive_schemas::conformance::ConformanceCase;
use olive_schemas::descriptor::SystemDescriptor;
use olive_schemas::diagnostic::Severity;
use olive_schemas::error::PluginError;
use olive_schemas::protocol::{Line, Message};
use olive_schemas::step::StepEvent;
use olive_schemas::system::{JobState, SystemCall, SystemReply};
use serde_json::Value;

use super::cases;
use super::report::{Finding, Report, failed, skipped};
use super::schema::missing;
use super::steps::Bench;
use crate::engine::ask;
use crate::plan::{SystemUse, absolute_paths};
use crate::plugin::process::Supervision;
use toy::{BEGUN, Toy};

/// Longest time that a job of the toy may wait and run.
const PATIENCE: Duration = Duration::from_mins(5);
/// Longest time that a cancelled job may be told to go on.
const END: Duration = Duration::from_secs(5);
/// Time between two looks at a job.
const LOOK: Duration = Duration::from_millis(200);

/// Tries every system of the plugin with the cases of `written`, whose paths start at `folder`, or
/// without settings where there is no case.
///
/// # Errors
/// When folders cannot be set up.
pub(super) fn check(
    bench: &Bench<'_>,
    written: &[ConformanceCase],
    folder: &Path,
    report: &mut Report<'_>,
) -> io::Result<()> {
    for system in &bench.descriptor.systems {
        let mut is_written = false;
        for (index, case) in written.iter().enumerate() {
            if case.system.as_ref() != Some(&system.name) {
                continue;
            }
            is_written = true;
            let name = cases::name(case, &system.name, index);
            let config = with_paths(Value::Object(case.config.clone()), system, folder);
            let attempt = Attempt { bench, name, system: used(bench, system, config) };
            attempt.check(case.expect.code(), false, report)?;
        }
        if !is_written {
            guess(bench, system, report)?;
        }
    }
    Ok(())
}

/// Tries a system without settings; many need some.
fn guess(bench: &Bench<'_>, system: &SystemDescriptor, report: &mut Report<'_>) -> io::Result<()> {
    let name = format!("{}/specimen", system.name);
    let needed = missing(&serde_json::Map::new(), &system.schema).into_iter().next();
    if let Some(key) = needed {
        let why = format!("`{key}` is required: give a case in `conformance.json`");
        report.add(format!("{name}/runs"), skipped(why));
        return Ok(());
    }
    let config = Value::Object(serde_json::Map::new());
    Attempt { bench, name, system: used(bench, system, config) }.check(None, true, report)
}

fn with_paths(mut config: Value, system: &SystemDescriptor, folder: &Path) -> Value {
    for kind in ["input", "output"] {
        absolute_paths(&mut config, &system.schema, kind, folder);
    }
    config
}

fn used(bench: &Bench<'_>, system: &SystemDescriptor, config: Value) -> SystemUse {
    SystemUse {
        label: system.name.clone(),
        library: bench.plugin.clone(),
        name: system.name.clone(),
        config,
        ranks: 1,
        threads: None,
        memory_bytes: None,
        chains: system.chains,
        batches: system.batches,
        rehearses: system.rehearses,
    }
}

/// One case of a system.
struct Attempt<'a> {
    bench: &'a Bench<'a>,
    name: String,
    system: SystemUse,
}

/// A job under way: its toy, its id, and what was heard of it.
struct Job {
    toy: Toy,
    id: String,
    heard: String,
}

impl Attempt<'_> {
    fn check(
        &self,
        expect: Option<&str>,
        is_guess: bool,
        report: &mut Report<'_>,
    ) -> io::Result<()> {
        if let Some(code) = expect {
            report.add(format!("{}/runs", self.name), self.refusal(code)?);
            return Ok(());
        }
        let probed = match self.probe() {
            Err(why) if is_guess => {
                skipped(format!("give a case in `conformance.json`, none suits it here: {why}"))
            }
            Err(why) => failed(why),
            Ok(seen) => Ok(seen),
        };
        let is_open = probed.is_ok();
        report.add(format!("{}/probed", self.name), probed);
        if !is_open {
            return Ok(());
        }
        if !toy::can_run() {
            report.add(format!("{}/runs", self.name), skipped("the toy is a script for `sh`"));
            return Ok(());
        }
        self.check_job(report)?;
        let cancels = self.cancels()?;
        report.add(format!("{}/cancels", self.name), cancels);
        self.check_groups(report)
    }

    /// Whether it refuses with `code`, before a job or of one.
    fn refusal(&self, code: &str) -> io::Result<Finding> {
        let told = |error: PluginError| {
            if error.code == code {
                return Ok(format!("refused: {error}"));
            }
            failed(format!("`{}`: {error} instead of `{code}`", error.code))
        };
        match self.ask(SystemCall::Probe) {
            Err(error) => return Ok(told(error)),
            Ok(SystemReply::Problems(problems)) => {
                if let Some(problem) = problems.into_iter().find(|one| one.code == code) {
                    return Ok(Ok(format!("refused before it starts: {}", problem.message)));
                }
            }
            Ok(_) => return Ok(failed("`probe` is answered with something else")),
        }
        let toy = Toy::new(self.bench.world, false)?;
        Ok(match self.submit(toy) {
            Err(error) => told(error),
            Ok(job) => {
                let _ = self.ask(SystemCall::Cancel { id: job.id.clone() });
                let _ = self.ask(SystemCall::Collect { id: job.id });
                failed(format!("it took a job, but `{code}` is expected"))
            }
        })
    }

    fn probe(&self) -> Result<String, String> {
        let problems = match self.ask(SystemCall::Probe) {
            Ok(SystemReply::Problems(problems)) => problems,
            Ok(_) => return Err("`probe` is answered with something else".into()),
            Err(error) => return Err(error.to_string()),
        };
        let error = problems.iter().find(|problem| problem.severity == Severity::Error);
        match error {
            Some(error) => Err(error.message.clone()),
            None => Ok(problems.iter().map(|one| &*one.message).collect::<Vec<_>>().join("; ")),
        }
    }

    /// A job from its start to its files.
    fn check_job(&self, report: &mut Report<'_>) -> io::Result<()> {
        let name = |check: &str| format!("{}/{check}", self.name);
        let mut job = match self.submit(Toy::new(self.bench.world, false)?) {
            Ok(job) => job,
            Err(error) => {
                report.add(name("runs"), failed(error.to_string()));
                return Ok(());
            }
        };
        let start = Instant::now();
        let ran = self.follow(&mut job, |job, state| is_over(state) || job.has_ended());
        let ran = ran.and_then(|()| job.said(&Toy::answer()));
        let seconds = start.elapsed().as_secs_f64();
        let is_done = ran.is_ok();
        report.add(name("runs"), ran.map(|()| format!("in {seconds:.1} s")).or_else(failed));
        if is_done {
            report.add(name("logs"), self.logs(&job).or_else(failed));
        }
        let collected = self.ask(SystemCall::Collect { id: job.id.clone() });
        if is_done {
            let files = collected.map_err(|error| error.to_string());
            let files = files.and_then(|_| job.toy.check_files());
            report.add(name("files"), files.or_else(failed));
        }
        Ok(())
    }

    /// Whether the messages from any byte on are the same.
    fn logs(&self, job: &Job) -> Result<String, String> {
        let whole = self.log(&job.id, 0)?;
        if !whole.starts_with(&job.heard) {
            return Err("from the first byte on, they are not those that were given".into());
        }
        let middle = whole.find('\n').map_or(0, |end| end + 1);
        let rest = self.log(&job.id, middle as u64)?;
        if !rest.starts_with(&whole[middle..]) {
            return Err(format!("from byte {middle} on, they are not the rest of all"));
        }
        Ok(format!("{} bytes", whole.len()))
    }

    fn log(&self, id: &str, from: u64) -> Result<String, String> {
        match self.ask(SystemCall::Logs { id: id.to_owned(), from }) {
            Ok(SystemReply::Logs(part)) if part.next == from + part.text.len() as u64 => {
                Ok(part.text)
            }
            Ok(SystemReply::Logs(part)) => {
                let length = part.text.len();
                Err(format!("{length} bytes from byte {from} on lead to byte {}", part.next))
            }
            Ok(_) => Err("`logs` is answered with something else".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether a job that waits ends when it is cancelled, and leaves its checkpoint.
    fn cancels(&self) -> io::Result<Finding> {
        let mut job = match self.submit(Toy::new(self.bench.world, true)?) {
            Ok(job) => job,
            Err(error) => return Ok(failed(error.to_string())),
        };
        let begun = self.follow(&mut job, |job, state| {
            is_over(state) || job.heard.contains(BEGUN) && *state == JobState::Running
        });
        let start = Instant::now();
        let cancelled = self.ask(SystemCall::Cancel { id: job.id.clone() });
        let seconds = start.elapsed().as_secs_f64();
        let ended = self.ended(&job.id);
        let collected = self.ask(SystemCall::Collect { id: job.id.clone() });
        let found = begun
            .and_then(|()| job.said(BEGUN))
            .and_then(|()| cancelled.map(drop).map_err(|error| error.to_string()))
            .and(ended)
            .and_then(|()| collected.map(drop).map_err(|error| error.to_string()))
            .and_then(|()| job.toy.check_checkpoint());
        Ok(found.map(|()| format!("in {seconds:.1} s")).or_else(failed))
    }

    /// Whether a cancelled job is over.
    fn ended(&self, id: &str) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < END {
            match self.ask(SystemCall::Poll { id: id.to_owned() }) {
                Ok(SystemReply::State(JobState::Queued { .. } | JobState::Running)) => {
                    thread::sleep(LOOK);
                }
                Ok(SystemReply::State(JobState::Ended { .. } | JobState::Lost { .. })) | Err(_) => {
                    return Ok(());
                }
                Ok(_) => return Err("`poll` is answered with something else".into()),
            }
        }
        Err(format!("{} s after it was cancelled, it still runs", END.as_secs()))
    }

    fn submit(&self, toy: Toy) -> Result<Job, PluginError> {
        let job = Box::new(toy.job()?);
        match self.ask(SystemCall::Submit { job })? {
            SystemReply::Submitted(id) => Ok(Job { toy, id, heard: String::new() }),
            _ => Err(PluginError::new("answer", "`submit` is answered with something else")),
        }
    }

    /// Hears what the job says until `is_done`.
    fn follow(
        &self,
        job: &mut Job,
        is_done: impl Fn(&Job, &JobState) -> bool,
    ) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let state = match self.ask(SystemCall::Poll { id: job.id.clone() }) {
                Ok(SystemReply::State(state)) => state,
                Ok(_) => return Err("`poll` is answered with something else".into()),
                Err(error) => return Err(error.to_string()),
            };
            let part = self.log(&job.id, job.heard.len() as u64)?;
            if !is_over(&state) && !part.is_empty() && !part.ends_with('\n') {
                return Err("a line of the log is given before it is whole".into());
            }
            job.heard.push_str(&part);
            if is_done(job, &state) {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
        let _ = self.ask(SystemCall::Cancel { id: job.id.clone() });
        Err(format!("it was not done within {} s", PATIENCE.as_secs()))
    }

    /// Asks the system; an error comes with what was logged.
    fn ask(&self, call: SystemCall) -> Result<SystemReply, PluginError> {
        let logged = RefCell::new(Vec::new());
        let on_event = |event| {
            if let StepEvent::Log { message, .. } = event {
                logged.borrow_mut().push(message);
            }
        };
        let supervision = Supervision { on_event: &on_event, is_cancelled: &|| false };
        ask(&self.system, call, &supervision).map_err(|mut error| {
            error.causes.extend(logged.take());
            error
        })
    }
}

impl Job {
    /// Whether the last message is there.
    fn has_ended(&self) -> bool {
        let mut lines = self.heard.lines().map(|line| Line::read(line.as_bytes()));
        lines.any(|line| matches!(line, Line::Message(Message::End(_))))
    }

    /// Checks that `words` were heard.
    fn said(&self, words: &str) -> Result<(), String> {
        if self.heard.contains(words) {
            return Ok(());
        }
        let last = self.heard.lines().last().unwrap_or("nothing");
        let err = fs::read_to_string(self.toy.folder().join("err")).unwrap_or_default();
        let err = err.lines().last().map(|line| format!("; `{line}`")).unwrap_or_default();
        Err(format!("the job did not say `{words}`, but at last: {last}{err}"))
    }
}

fn is_over(state: &JobState) -> bool {
    matches!(state, JobState::Ended { .. } | JobState::Lost { .. })
}
