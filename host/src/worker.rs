//! The worker: a process that loads one plugin, answers one call, and ends.
//!
//! Standard output carries messages to the host and nothing else: whatever a plugin prints goes to
//! standard error.

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RStr, RString};
use olive_plugin_api::abi::{EventSink, EventSink_TO, EventSinkObject};
use olive_schemas::error::PluginError;
use olive_schemas::protocol::{CANCEL, Call, CallLine, End, Message, Usage};
use olive_schemas::step::{StepEvent, StepRequest};
use serde_json::Value;

use crate::plugin::manifest::Manifest;
use crate::plugin::native;
use crate::plugin::process::{self, Supervision};

/// Answers the one call that standard input holds.
///
/// # Errors
/// When standard input or output fail: the host is gone.
pub fn serve() -> io::Result<ExitCode> {
    let output = Output::take_over()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let CallLine { call, .. } = serde_json::from_str(&line).map_err(io::Error::other)?;
    let is_cancelled = Arc::new(AtomicBool::new(false));
    listen(Arc::clone(&is_cancelled));
    let sink = Sink { output: output.clone(), is_cancelled };
    let end = if Manifest::is_at(call.plugin()) { relay(&call, &sink) } else { answer(&call, sink) };
    output.send(&Message::End(end))?;
    Ok(ExitCode::SUCCESS)
}

fn answer(call: &Call, sink: Sink) -> End {
    match ask(call, sink) {
        Ok(answer) => End::Done { answer, usage: usage() },
        Err(error) => End::Failed { error, usage: usage() },
    }
}

/// Hands the call of a process plugin on, for a host that can only start workers.
fn relay(call: &Call, sink: &Sink) -> End {
    let threads = match call {
        Call::Describe { .. } => 1,
        Call::Prepare { request, .. } | Call::Run { request, .. } => request.threads,
    };
    let on_event = |event| {
        let _ = sink.output.send(&Message::Event(event));
    };
    let is_cancelled = || sink.is_cancelled.load(Ordering::Relaxed);
    let supervision = Supervision { on_event: &on_event, is_cancelled: &is_cancelled };
    let outcome = process::run(call, threads, &supervision);
    match outcome.result {
        Ok(answer) => End::Done { answer, usage: outcome.usage },
        Err(failure) => End::Failed { error: failure.into_error(), usage: outcome.usage },
    }
}

fn ask(call: &Call, sink: Sink) -> Result<Value, PluginError> {
    let module = native::load(call.plugin())?;
    let answer = match call {
        Call::Describe { .. } => module.describe()(),
        Call::Prepare { request, .. } => {
            module.prepare()(RStr::from_str(&write(request)?), sink.into_object())
        }
        Call::Run { request, .. } => {
            module.run()(RStr::from_str(&write(request)?), sink.into_object())
        }
    };
    read(answer)
}

fn write(request: &StepRequest) -> Result<String, PluginError> {
    serde_json::to_string(request)
        .map_err(|error| PluginError::new("request", format!("step request: {error}")))
}

fn read(answer: RResult<RString, RString>) -> Result<Value, PluginError> {
    let garbled = |error: serde_json::Error| {
        PluginError::new("answer", format!("the plugin's answer is no JSON: {error}"))
    };
    match answer {
        RResult::ROk(json) => serde_json::from_str(&json).map_err(garbled),
        RResult::RErr(json) => Err(serde_json::from_str(&json).unwrap_or_else(garbled)),
    }
}

/// Watches standard input: `cancel` sets the flag, its end means that the host is gone.
fn listen(is_cancelled: Arc<AtomicBool>) {
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if line == CANCEL {
                is_cancelled.store(true, Ordering::Relaxed);
            }
        }
        #[expect(clippy::exit, reason = "nobody is left to hear of the work")]
        std::process::exit(3);
    });
}

/// The way to the host, kept apart from what a plugin prints.
#[derive(Clone)]
struct Output(Arc<Mutex<File>>);

impl Output {
    /// Takes standard output for messages and points what is printed to standard error.
    #[cfg(unix)]
    fn take_over() -> io::Result<Self> {
        let kept = rustix::io::dup(io::stdout())?;
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(Self(Arc::new(Mutex::new(File::from(kept)))))
    }

    /// Takes standard output for messages.
    #[cfg(windows)]
    fn take_over() -> io::Result<Self> {
        use std::os::windows::io::AsHandle;
        let kept = io::stdout().as_handle().try_clone_to_owned()?;
        Ok(Self(Arc::new(Mutex::new(File::from(kept)))))
    }

    fn send(&self, message: &Message) -> io::Result<()> {
        let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
        line.push(b'\n');
        let mut file = self.0.lock().map_err(|_| io::Error::other("a thread panicked"))?;
        file.write_all(&line)
    }
}

/// What the plugin sees of the host.
struct Sink {
    output: Output,
    is_cancelled: Arc<AtomicBool>,
}

impl Sink {
    fn into_object(self) -> EventSinkObject<'static> {
        EventSink_TO::from_value(self, TD_Opaque)
    }
}

impl EventSink for Sink {
    fn emit(&self, event: RStr<'_>) {
        // A host that is gone is noticed by `listen`; an event that is no event is dropped.
        if let Ok(event) = serde_json::from_str::<StepEvent>(event.as_str()) {
            let _ = self.output.send(&Message::Event(event));
        }
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

fn usage() -> Usage {
    Usage { cpu_sec: cpu_sec(), peak_memory_bytes: peak_memory_bytes() }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems give none")]
fn cpu_sec() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

#[cfg(windows)]
fn cpu_sec() -> Option<f64> {
    None
}

/// High-water mark of resident memory, where the system tells it as Linux does.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
