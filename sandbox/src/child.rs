//! Compiling in a process of its own, which has limits and may be killed.
//!
//! The child reads the component from standard input until its end, and writes either machine code
//! to standard output and ends with 0, or one line of JSON, a [`Failure`], to standard error and
//! ends with 1. Any other end is a crash, or a limit.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::compile::compile;
use crate::failure::Failure;
use crate::limits::Limits;
use crate::machine_code::MachineCode;

/// Machine code of the largest component that is allowed stays below this size in bytes.
const CODE_BYTES: u64 = 512 << 20;
/// What is kept of the last words of a child, in bytes.
const WORDS_BYTES: u64 = 64 << 10;

/// How much a process that compiles may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Address space in bytes.
    pub memory_bytes: u64,
    /// Processor time in seconds.
    pub cpu_seconds: u64,
}

impl Default for ProcessLimits {
    /// Enough for a JavaScript or Python interpreter of the largest size that is allowed.
    fn default() -> Self {
        Self { memory_bytes: 1536 << 20, cpu_seconds: 40 }
    }
}

/// Machine code of the component `wasm`, made by `program`, which must call [`compile_for_parent`]
/// when started with `args`. It is killed after `wall`.
///
/// # Errors
/// Those of [`compile`](crate::compile()), and [`Failure::Compile`] when the child used more than
/// it may, crashed, or could not be started.
pub fn compile_in_child(
    program: &Path,
    args: &[&str],
    wasm: &[u8],
    wall: Duration,
) -> Result<MachineCode, Failure> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            Failure::Compile(format!("`{}` could not be started: {error}", program.display()))
        })?;
    let deadline = Instant::now() + wall;
    let end = converse(&mut child, wasm, deadline);
    let status = child.wait();
    match (end, status) {
        (Some(said), Ok(status)) => said.conclude(status),
        (None, _) => Err(Failure::Compile(format!("it took more than {} s", wall.as_secs_f64()))),
        (_, Err(error)) => Err(Failure::Compile(format!("its end is not known: {error}"))),
    }
}

/// What a child wrote until it ended.
struct Said {
    code: Vec<u8>,
    words: Vec<u8>,
}

/// Feeds `wasm` to the child and listens until it has closed both of its outputs.
fn converse(child: &mut Child, wasm: &[u8], deadline: Instant) -> Option<Said> {
    let mut input = child.stdin.take()?;
    let (output, errors) = (child.stdout.take()?, child.stderr.take()?);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        // A child that refuses early closes its input; what it says counts then.
        scope.spawn(move || drop(input.write_all(wasm)));
        scope.spawn(move || {
            let words = thread::scope(|scope| {
                let words = scope.spawn(|| read_all(errors, WORDS_BYTES));
                let code = read_all(output, CODE_BYTES);
                Said { code, words: words.join().unwrap_or_default() }
            });
            let _ = sender.send(words);
        });
        let said = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
        if said.is_none() {
            // Ends the threads too: their pipes close.
            let _ = child.kill();
        }
        said
    })
}

fn read_all(from: impl Read, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = from.take(limit).read_to_end(&mut bytes);
    bytes
}

impl Said {
    /// What came of it, for a child that ended with `status`.
    fn conclude(self, status: ExitStatus) -> Result<MachineCode, Failure> {
        if status.success() {
            return Ok(MachineCode::trusted(self.code, 0));
        }
        let words = String::from_utf8_lossy(&self.words);
        let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if let (Some(1), Ok(failure)) = (status.code(), serde_json::from_str(last)) {
            return Err(failure);
        }
        Err(Failure::Compile(if words.contains("memory allocation of") {
            "it needed more memory than a compiler may have".into()
        } else if ran_out_of_cpu(status) {
            "it needed more processor time than a compiler may have".into()
        } else {
            format!("the compiler ended with {status}: {}", crate::answer::line(last))
        }))
    }
}

/// The other end of [`compile_in_child`]: limits this process, reads a component from standard
/// input, and writes its machine code to standard output or the failure to standard error.
///
/// Standard error is left alone otherwise; panics are told there as always.
pub fn compile_for_parent(limits: &ProcessLimits) -> ExitCode {
    let compiled = limit_this_process(limits).and_then(|()| {
        let mut wasm = Vec::new();
        io::stdin().read_to_end(&mut wasm).map_err(|error| lost(&error))?;
        let code = compile(&wasm, &Limits::default())?;
        let mut out = io::stdout();
        out.write_all(code.as_bytes()).and_then(|()| out.flush()).map_err(|error| lost(&error))
    });
    let Err(failure) = compiled else { return ExitCode::SUCCESS };
    // Nobody is left to be told when this fails.
    let _ = serde_json::to_writer(io::stderr(), &failure);
    ExitCode::FAILURE
}

fn lost(error: &io::Error) -> Failure {
    Failure::Compile(format!("the compiler lost its caller: {error}"))
}

#[cfg(unix)]
fn limit_this_process(limits: &ProcessLimits) -> Result<(), Failure> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let wanted = [
        (Resource::As, limits.memory_bytes, limits.memory_bytes),
        // The first limit ends the process with a signal of its own, the second one kills.
        (Resource::Cpu, limits.cpu_seconds, limits.cpu_seconds + 1),
        (Resource::Core, 0, 0),
    ];
    for (resource, current, maximum) in wanted {
        let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
        setrlimit(resource, limit).map_err(|error| {
            Failure::Compile(format!("the compiler could not be limited: {error}"))
        })?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn limit_this_process(_limits: &ProcessLimits) -> Result<(), Failure> {
    // Wall time remains, which the parent measures.
    Ok(())
}

#[cfg(unix)]
fn ran_out_of_cpu(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;

    status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
}

#[cfg(not(unix))]
fn ran_out_of_cpu(_status: ExitStatus) -> bool {
    false
}
