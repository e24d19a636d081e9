//! The worker: a process that loads one plugin, answers one call, and ends.
//!
//! It keeps the way to the host apart from what a plugin prints (`channel`), and confines itself
//! to the folders of its call before it loads anything (`confine`). A component is loaded into the
//! sandbox and works through the library of a graph editor (`graph_pass`).

mod channel;
mod chained;
mod launch;
mod graph_pass;

pub use launch::launch;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RStr, RString};
use olive_plugin_api::abi::{EventSink, EventSink_TO, EventSinkObject, PluginModuleRef};
use olive_schemas::error::PluginError;
use olive_schemas::protocol::{CANCEL, Call, CallLine, Callee, End, Message, Usage};
use olive_schemas::step::{LogLevel, StepEvent, StepRequest};
use serde_json::Value;

use crate::cancel;
use crate::confine;
use crate::plugin::component;
use crate::plugin::manifest::Manifest;
use crate::plugin::native;
use crate::plugin::packs::unchanged;
use crate::plugin::process::{self, Supervision};
use channel::{Input, Output};

/// What a worker has to do with the host that it was started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// It ends when standard input does.
    Attached,
    /// It lives on when standard input ends, and is stopped by a signal.
    Detached,
    /// The same for a job of a chain: its exit code says whether the step is done.
    Chained,
}

/// Answers the one call that standard input holds.
///
/// # Errors
/// When standard input or output fail: the host is gone.
pub fn serve(tie: Tie) -> io::Result<ExitCode> {
    let (mut input, output) = channel::take_over()?;
    let line = input.line()?.unwrap_or_default();
    let CallLine { mut call, .. } = serde_json::from_str(&line).map_err(io::Error::other)?;
    // A scheduler's signal goes to each process of a job; a detached worker is asked in no other way.
    let is_cancelled = cancel::flag();
    if tie == Tie::Chained
        && let Err(error) = complete(&mut call, &output, &is_cancelled)
    {
        output.send(&Message::End(End::Failed { error, usage: usage() }))?;
        return Ok(ExitCode::FAILURE);
    }
    let is_native = !Manifest::is_at(call.plugin());
    // Loading runs nothing of it, and keeps its machine code for the next time.
    let component = component::is_at(call.plugin()).then(|| graph_pass::load(call.callee()));
    if is_native && let Some(note) = confine::confine(&call).note() {
        let event = StepEvent::Log { level: LogLevel::Debug, message: note.into() };
        output.send(&Message::Event(event))?;
    }
    if tie == Tie::Attached {
        listen(input, Arc::clone(&is_cancelled));
    }
    let sink = Sink { output: output.clone(), is_cancelled };
    let end = match component {
        Some(component) => ended(component.and_then(|it| graph_pass::answer(&call, it, &sink))),
        None if is_native => ended(ask(&call, sink)),
        None => relay(&call, &sink),
    };
    let (end, code) = match (end, &call) {
        (End::Done { answer, usage }, Call::Run { request, .. }) if tie == Tie::Chained => {
            let answer = chained::settled(request, answer);
            (End::Done { answer, usage }, ExitCode::SUCCESS)
        }
        (end @ End::Failed { .. }, _) if tie == Tie::Chained => (end, ExitCode::FAILURE),
        (end, _) => (end, ExitCode::SUCCESS),
    };
    output.send(&Message::End(end))?;
    Ok(code)
}

/// Does what is left to do for a call that was written before its model was made.
fn complete(
    call: &mut Call,
    output: &Output,
    is_cancelled: &AtomicBool,
) -> Result<(), PluginError> {
    let on_event = |event| {
        let _ = output.send(&Message::Event(event));
    };
    chained::complete(call, &on_event, &|| is_cancelled.load(Ordering::Relaxed))
}

fn ended(answer: Result<Value, PluginError>) -> End {
    match answer {
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
    let module = native::load(call.callee())?;
    match call {
        Call::Describe { .. } => describe(module),
        Call::Prepare { request, .. } => {
            read(module.prepare()(RStr::from_str(&write(request)?), sink.into_object()))
        }
        Call::Run { request, .. } => run(module, request, sink),
    }
}

fn describe(module: PluginModuleRef) -> Result<Value, PluginError> {
    read(module.describe()())
}

fn run(module: PluginModuleRef, request: &StepRequest, sink: Sink) -> Result<Value, PluginError> {
    read(module.run()(RStr::from_str(&write(request)?), sink.into_object()))
}

/// The request as the plugin gets it: the library of an execution provider is the one installed.
fn write(request: &StepRequest) -> Result<String, PluginError> {
    let mut request = request.clone();
    if let Some(library) = &mut request.execution_provider_library {
        let plugin = Callee { packed: library.packed.take(), ..library.path.clone().into() };
        if let (Some(file), Some(packed)) = (unchanged::check(&plugin)?, &plugin.packed) {
            library.path = file.into_path(packed)?;
        }
    }
    serde_json::to_string(&request)
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

/// Watches what the host says: `cancel` sets the flag, the end of it means that the host is gone.
fn listen(mut input: Input, is_cancelled: Arc<AtomicBool>) {
    thread::spawn(move || {
        loop {
            match input.line() {
                Ok(Some(line)) if line == CANCEL => is_cancelled.store(true, Ordering::Relaxed),
                Ok(Some(_)) => {}
                Ok(None) => leave(),
                // The plugin has closed what it does not own; the host may still be there.
                Err(_) => return,
            }
        }
    });
}

/// Ends this process and those that the plugin has started: nobody is left to hear of the work.
fn leave() -> ! {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group};
        if getpgrp() == getpid() {
            let _ = kill_current_process_group(Signal::KILL);
        }
    }
    std::process::abort()
}

/// What the plugin sees of the host.
#[derive(Clone)]
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
