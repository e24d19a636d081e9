//! Workers from the host's side: one process for one call to one plugin.
//!
//! The host writes the call as one JSON line to the worker's standard input and keeps it open:
//! `cancel` on a further line asks the worker to stop, its end tells the worker that the host is
//! gone. The worker answers with one [`Message`] a line.

use std::collections::VecDeque;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use olive_schemas::error::PluginError;
use olive_schemas::step::{StepEvent, StepRequest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Variable that tells a plugin where its own library is.
pub const PLUGIN_PATH: &str = "OLIVE_PLUGIN_PATH";
/// Line that asks a worker to stop.
pub const CANCEL: &str = "cancel";

/// Time a worker has to stop by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// How often a waiting host looks whether the user wants to stop.
const TICK: Duration = Duration::from_millis(50);
/// Lines of a worker's standard error that are kept for the message when it dies.
const KEPT_LINES: usize = 12;

/// Settings of glibc's allocator, other systems do not read them: memory that was freed is kept for
/// the next tensor of its size, instead of being given back and faulted in again, page by page.
const ALLOCATOR: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "33554432"), ("MALLOC_TRIM_THRESHOLD_", "17179869184")];

/// What a worker is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Give the plugin's descriptor.
    Describe {
        /// The plugin's library.
        library: PathBuf,
    },
    /// Find problems of a step.
    Prepare {
        /// The plugin's library.
        library: PathBuf,
        /// The step.
        request: Box<StepRequest>,
    },
    /// Do a step.
    Run {
        /// The plugin's library.
        library: PathBuf,
        /// The step.
        request: Box<StepRequest>,
    },
}

impl Call {
    /// The plugin's library.
    pub fn library(&self) -> &PathBuf {
        match self {
            Self::Describe { library }
            | Self::Prepare { library, .. }
            | Self::Run { library, .. } => library,
        }
    }
}

/// One line of a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The step tells something.
    Event(StepEvent),
    /// The call is over; the last message.
    Done {
        /// What the plugin answered.
        result: Result<Value, PluginError>,
        /// What the worker used up.
        usage: Usage,
    },
}

/// What a worker used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time in seconds.
    pub cpu_sec: Option<f64>,
    /// Largest resident memory in bytes.
    pub peak_memory_bytes: Option<u64>,
}

/// How the host watches over a worker.
pub struct Supervision<'a> {
    /// Takes the worker's events.
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
    /// What the worker used up, when it lived to tell.
    pub usage: Usage,
    /// Wall time from start to end.
    pub duration: Duration,
}

/// Why a call has no answer.
#[derive(Debug)]
pub enum Failure {
    /// The plugin said why.
    Plugin(PluginError),
    /// The worker could not be started.
    Start(io::Error),
    /// The worker ended without an answer.
    Died {
        /// How it ended: `was killed by signal 9 (SIGKILL)`.
        how: String,
        /// The last lines it wrote to standard error.
        last_words: Vec<String>,
    },
    /// The worker did not stop when asked to, and was killed.
    Killed,
}

impl Failure {
    /// The failure as plain data.
    pub fn into_error(self) -> PluginError {
        match self {
            Self::Plugin(error) => error,
            Self::Start(error) => PluginError::from_error("worker-start", &error),
            Self::Killed => PluginError::cancelled(),
            Self::Died { how, last_words } => {
                let mut error = PluginError::new("worker-died", format!("the worker {how}"));
                error.causes = last_words;
                let is_killed = how.contains("signal 9");
                let help = if is_killed {
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

/// Makes `call` in a worker that may use `threads`.
pub fn run(call: &Call, threads: usize, supervision: &Supervision<'_>) -> Outcome {
    let start = Instant::now();
    let (result, usage) = match Worker::start(call, threads) {
        Ok(worker) => worker.follow(supervision),
        Err(error) => (Err(Failure::Start(error)), Usage::default()),
    };
    Outcome { result, usage, duration: start.elapsed() }
}

struct Worker {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Message>,
    last_words: JoinHandle<Vec<String>>,
}

impl Worker {
    fn start(call: &Call, threads: usize) -> io::Result<Self> {
        let mut command = Command::new(program()?);
        command
            .arg("worker")
            .env("RAYON_NUM_THREADS", threads.to_string())
            .env("OMP_NUM_THREADS", threads.to_string())
            .envs(ALLOCATOR.into_iter().filter(|(name, _)| env::var_os(name).is_none()))
            .env(PLUGIN_PATH, call.library())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        {
            // Ctrl-C in a terminal goes to the host alone, which then asks the worker to stop.
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let mut child = command.spawn()?;
        let missing = || io::Error::other("a pipe to the worker is missing");
        let mut stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let mut line = serde_json::to_vec(call).map_err(io::Error::other)?;
        line.push(b'\n');
        // A worker that is already gone is noticed when it is followed.
        let _ = stdin.write_all(&line).and_then(|()| stdin.flush());
        let messages = read_messages(stdout);
        let last_words = thread::spawn(move || last_lines(stderr));
        Ok(Self { child, stdin, messages, last_words })
    }

    /// Hands on events until the worker is done, asks it to stop when the user wants to.
    fn follow(mut self, supervision: &Supervision<'_>) -> (Result<Value, Failure>, Usage) {
        let mut answer = None;
        let mut deadline: Option<Instant> = None;
        loop {
            match self.messages.recv_timeout(TICK) {
                Ok(Message::Event(event)) => (supervision.on_event)(event),
                Ok(Message::Done { result, usage }) => answer = Some((result, usage)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if deadline.is_none() && (supervision.is_cancelled)() {
                let _ = writeln!(self.stdin, "{CANCEL}").and_then(|()| self.stdin.flush());
                deadline = Some(Instant::now() + GRACE);
            }
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return (Err(Failure::Killed), Usage::default());
            }
        }
        drop(self.stdin);
        let status = self.child.wait();
        let last_words = self.last_words.join().unwrap_or_default();
        match (answer, status) {
            (Some((result, usage)), _) => (result.map_err(Failure::Plugin), usage),
            (None, Ok(status)) => {
                (Err(Failure::Died { how: ending(status), last_words }), Usage::default())
            }
            (None, Err(error)) => (Err(Failure::Start(error)), Usage::default()),
        }
    }
}

/// The running program, also when its file was replaced since it started.
fn program() -> io::Result<PathBuf> {
    let itself = PathBuf::from("/proc/self/exe");
    if itself.exists() { Ok(itself) } else { env::current_exe() }
}

fn read_messages(stdout: impl Read + Send + 'static) -> Receiver<Message> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { break };
            // Only the worker's own code writes here; a line cut short by its death is dropped.
            if let Ok(message) = serde_json::from_str(&line)
                && sender.send(message).is_err()
            {
                break;
            }
        }
    });
    receiver
}

fn last_lines(stderr: impl Read) -> Vec<String> {
    let mut kept = VecDeque::new();
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
    }
    kept.into()
}

fn ending(status: ExitStatus) -> String {
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
