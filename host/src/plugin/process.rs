//! Plugins at work, from the host's side: one process for one call to one plugin.
//!
//! A native plugin is called through a worker, which is this program again; a process plugin is the
//! command of its manifest. Both speak [`olive_schemas::protocol`]. Whatever a process does, the
//! host goes on: its lines, its chatter and its last words are bounded, and it is ended together
//! with every process that it has started.

pub mod chatter;
mod deadline;
mod group;
mod lines;
pub mod memory;
mod orphans;
mod start;

pub use start::{OnError, PLUGIN_PATH, environment, manifest_command};

use std::io::{self, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use olive_schemas::error::PluginError;
use olive_schemas::protocol::{CANCEL, Call, End, Line, Message, Usage};
use olive_schemas::step::{StepEvent, StepKind};
use serde_json::Value;

use super::manifest::Manifest;
use crate::units;
use chatter::Chatter;
use deadline::Deadline;
use group::Group;
use lines::{Heard, LastWords};
use memory::Watch;
use orphans::Mark;
use start::Program;

/// Time a process has to end by itself once its call is over.
const LINGER: Duration = Duration::from_secs(2);
/// Time the last lines of a process that has ended may take to arrive.
const DELIVERY: Duration = Duration::from_secs(5);
/// How often a waiting host looks whether the user wants to stop.
const TICK: Duration = Duration::from_millis(50);

/// How a process ended that went on after nothing more could come from it.
const HUNG_UP: &str = "closed its way to the host, went on, and was stopped";

/// How the host watches over a call.
pub struct Supervision<'a> {
    /// Takes the events.
    pub on_event: &'a dyn Fn(StepEvent),
    /// Whether the user wants to stop.
    pub is_cancelled: &'a dyn Fn() -> bool,
}

impl Supervision<'_> {
    /// Events go nowhere, nobody cancels.
    pub fn unheard() -> Self {
        Self { on_event: &|_| {}, is_cancelled: &|| false }
    }
}

/// How a call went.
#[derive(Debug)]
pub struct Outcome {
    /// The plugin's answer.
    pub result: Result<Value, Failure>,
    /// What the process used up, when it lived to tell.
    pub usage: Usage,
    /// Wall time from start to end.
    pub duration: Duration,
}

/// Why a call has no answer.
#[derive(Debug)]
pub enum Failure {
    /// The plugin said why.
    Plugin(PluginError),
    /// A system no longer says how a job is, or does not end it: it may go on.
    OutOfSight(PluginError),
    /// The process could not be started.
    Start(PluginError),
    /// The process ended without an answer.
    Died {
        /// Who: `the worker`.
        who: String,
        /// How it ended: `was killed by signal 9 (SIGKILL)`.
        how: String,
        /// What may be the reason: complaints of the host, and the last lines it wrote to standard
        /// error.
        last_words: Vec<String>,
    },
    /// The process did not answer in time, and was killed.
    Overdue {
        /// Who: `the worker`.
        who: String,
        /// What it had to do, and the time it had.
        deadline: &'static Deadline,
    },
    /// The process filled more memory than it may, and was killed.
    Greedy {
        /// Who: `the worker`.
        who: String,
        /// Bytes it may fill.
        budget: u64,
    },
    /// The last message is not as the protocol has it.
    Garbled {
        /// Who: `the worker`.
        who: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The process did not stop when asked to, and was killed.
    Killed,
}

impl Failure {
    /// The failure as plain data.
    pub fn into_error(self) -> PluginError {
        match self {
            Self::Plugin(error) | Self::OutOfSight(error) | Self::Start(error) => error,
            Self::Killed => PluginError::cancelled(),
            Self::Garbled { who, problem } => PluginError::new(
                "answer",
                format!("the last message of {who} does not fit the protocol: {problem}"),
            ),
            Self::Overdue { who, deadline } => {
                let Deadline { what, variable, .. } = deadline;
                let seconds = deadline.limit().as_secs();
                PluginError::new(
                    "worker-overdue",
                    format!("{who} took more than {seconds} s to {what}"),
                )
                .with_help(format!(
                    "it was stopped: report it to the plugin's authors, or give it more seconds \
                         by the variable `{variable}`"
                ))
            }
            Self::Greedy { who, budget } => {
                let message =
                    format!("{who} used more than {} of memory", units::bytes(budget as f64));
                PluginError::new("out-of-memory", message).with_help(
                    "it was stopped before the machine ran out; choose settings that need less, or \
                     set another limit with `--memory`; what earlier steps made is kept",
                )
            }
            Self::Died { who, how, last_words } => {
                let mut error = PluginError::new("worker-died", format!("{who} {how}"));
                error.causes = last_words;
                let help = if how == HUNG_UP {
                    "this is a fault of the plugin: report it with this message; what earlier \
                     steps made is kept"
                } else if how.contains("signal 9") {
                    "signal 9 comes from outside: often the system, out of memory; what earlier \
                     steps made is kept, run again to resume"
                } else {
                    "a crash is the plugin's fault: report it with this message; what earlier \
                     steps made is kept"
                };
                error.with_help(help)
            }
        }
    }
}

/// Makes `call` in a process that may use `threads`.
pub fn run(call: &Call, threads: usize, supervision: &Supervision<'_>) -> Outcome {
    let start = Instant::now();
    let (result, usage) = match Worker::start(call, threads) {
        Ok(worker) => worker.follow(supervision),
        Err(error) => (Err(Failure::Start(error)), Usage::default()),
    };
    Outcome { result, usage, duration: start.elapsed() }
}

/// Kills every process under way with what it has started: the program is about to end.
pub fn end_all() {
    group::kill_all();
}

/// A process under way.
struct Worker {
    /// What it is called in messages.
    name: String,
    group: Group,
    /// Knows what it leaves behind; absent where that is meant to live on.
    mark: Option<Mark>,
    memory: Watch,
    /// Lines for its standard input, which stays open as long as this.
    stdin: Sender<Vec<u8>>,
    heard: Receiver<Heard>,
    last_words: LastWords,
    /// How long the call may take.
    deadline: Option<&'static Deadline>,
}

/// How following a process ended.
enum Ending {
    /// It said how the call ended.
    Said(End),
    /// It said something that was meant to be the end.
    Garbled(String),
    /// It is gone, or nothing more can come.
    Gone,
    /// It was asked to stop, and did not.
    Stubborn,
    /// It took too long.
    Overdue(&'static Deadline),
    /// It filled more memory than it may.
    Greedy { budget: u64 },
}

impl Worker {
    fn start(call: &Call, threads: usize) -> Result<Self, PluginError> {
        let Program { name, mut command, on_error } = start::program(call, threads)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        {
            // Ctrl-C in a terminal goes to the host alone, which then asks the worker to stop.
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        // What a system has started is a job of its own.
        let mark = (!is_for_system(call)).then(|| Mark::on(&mut command));
        let child = command.spawn().map_err(&on_error)?;
        Self::connect(name, child, mark, call).map_err(on_error)
    }

    fn connect(
        name: String,
        mut child: Child,
        mark: Option<Mark>,
        call: &Call,
    ) -> io::Result<Self> {
        let missing = || io::Error::other("a pipe to the process is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let memory = Watch::over(child.id());
        let group = Group::new(child);
        let stdin = write_lines(stdin);
        let is_stranger = Manifest::is_at(call.plugin());
        let line = if is_stranger { call.to_public_line() } else { call.to_line() };
        let line = serde_json::to_vec(&line).map_err(io::Error::other)?;
        // A process that is already gone is noticed when it is followed.
        let _ = stdin.send(line);
        let heard = lines::messages(stdout);
        let last_words = LastWords::of(stderr);
        Ok(Self {
            name,
            group,
            mark,
            memory,
            stdin,
            heard,
            last_words,
            deadline: Deadline::of(call),
        })
    }

    /// Hands on events until the call is over; asks the process to stop when the user wants to.
    fn follow(mut self, supervision: &Supervision<'_>) -> (Result<Value, Failure>, Usage) {
        let mut chatter = Chatter::new(supervision.on_event);
        let mut is_asked = false;
        let ending = self.listen(supervision, &mut chatter, &mut is_asked);
        let who = self.name;
        // A process that hung up but goes on must not take the end of its input for the host's.
        let held = matches!(ending, Ending::Gone).then_some(self.stdin);
        let patience = match ending {
            Ending::Said(_) | Ending::Garbled(_) | Ending::Gone => LINGER,
            Ending::Stubborn | Ending::Overdue(_) | Ending::Greedy { .. } => Duration::ZERO,
        };
        // Its pipe is emptied while it ends, so that it does not wait for a reader.
        thread::spawn(move || self.heard.iter().for_each(drop));
        let status = self.group.end(patience);
        drop(held);
        self.mark.iter().for_each(Mark::sweep);
        let mut last_words = chatter.complaints();
        chatter.end();
        last_words.extend(self.last_words.end());
        let failure = match (ending, status) {
            (Ending::Said(End::Done { answer, usage }), _) => return (Ok(answer), usage),
            (Ending::Said(End::Failed { error, usage }), _) => {
                return (Err(Failure::Plugin(error)), usage);
            }
            (Ending::Garbled(problem), _) => Failure::Garbled { who, problem },
            (Ending::Stubborn, _) => Failure::Killed,
            (Ending::Overdue(deadline), _) => Failure::Overdue { who, deadline },
            (Ending::Greedy { budget }, _) => Failure::Greedy { who, budget },
            // A scheduler's signal reaches the process too, at times before the host.
            (Ending::Gone, _) if is_asked || (supervision.is_cancelled)() => Failure::Killed,
            (Ending::Gone, Ok(status)) => {
                let how = status.map_or_else(|| HUNG_UP.into(), ending_of);
                Failure::Died { who, how, last_words }
            }
            (Ending::Gone, Err(error)) => {
                Failure::Start(PluginError::from_error("worker-start", &error))
            }
        };
        (Err(failure), Usage::default())
    }

    fn listen(
        &mut self,
        supervision: &Supervision<'_>,
        chatter: &mut Chatter<'_>,
        is_asked: &mut bool,
    ) -> Ending {
        let start = Instant::now();
        let mut stop_by: Option<Instant> = None;
        let mut gone_by: Option<Instant> = None;
        loop {
            match self.heard.recv_timeout(TICK) {
                Ok(Heard::Line(Line::Message(Message::End(end)), _)) => return Ending::Said(end),
                Ok(Heard::Line(Line::Malformed { is_end: true, problem }, _)) => {
                    return Ending::Garbled(problem);
                }
                Ok(heard) => chatter.take(heard),
                // What it has written is still on its way, unless a child of it holds the pipe.
                Err(RecvTimeoutError::Timeout) if gone_by.is_none() && self.group.has_ended() => {
                    self.group.kill();
                    gone_by = Some(Instant::now() + DELIVERY);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ending::Gone,
            }
            let now = Instant::now();
            if !*is_asked && (supervision.is_cancelled)() {
                *is_asked = true;
                stop_by = Some(now + deadline::grace());
                let _ = self.stdin.send(CANCEL.into());
            }
            if gone_by.is_some_and(|deadline| now > deadline) {
                return Ending::Gone;
            }
            if stop_by.is_some_and(|deadline| now > deadline) {
                return Ending::Stubborn;
            }
            if let Some(budget) = self.memory.exceeded() {
                return Ending::Greedy { budget };
            }
            if let Some(deadline) = self.deadline
                && now > start + deadline.limit()
            {
                return Ending::Overdue(deadline);
            }
        }
    }
}

fn is_for_system(call: &Call) -> bool {
    start::step(call).is_some_and(|request| request.kind == StepKind::System)
}

/// Writes lines to a process that may not read them, until the sender is dropped.
fn write_lines(mut stdin: impl Write + Send + 'static) -> Sender<Vec<u8>> {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        for mut line in receiver {
            line.push(b'\n');
            if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
                break;
            }
        }
    });
    sender
}

fn ending_of(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            let name = match signal {
                4 => " (SIGILL)",
                6 => " (SIGABRT)",
                7 => " (SIGBUS)",
                8 => " (SIGFPE)",
                9 => " (SIGKILL)",
                11 => " (SIGSEGV)",
                15 => " (SIGTERM)",
                _ => "",
            };
            return format!("was killed by signal {signal}{name}");
        }
    }
    match status.code() {
        Some(code) => format!("ended with exit code {code} and no answer"),
        None => "ended without an answer".into(),
    }
}

#[cfg(test)]
mod tests;
