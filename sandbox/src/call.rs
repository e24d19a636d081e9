//! One call into a component: what it may still use, and why it ended.

use std::sync::Arc;

use olive_schemas::step::LogLevel;
use wasmtime::component::{HasSelf, Instance, InstancePre, Linker};
use wasmtime::{Engine, Error, ResourceLimiter, Store, Trap};

use crate::answer::line;
use crate::bindings::olive::plugin::{host, types};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::limits::{CallLimits, Limits};

/// Where log lines go.
pub(crate) type LogSink = Arc<dyn Fn(LogLevel, &str) + Send + Sync>;

/// What a log line costs beside its text, so that empty lines are no way around the limit.
const LOG_LINE_BYTES: usize = 16;

/// What belongs to one call, beside the memory of the component.
pub(crate) struct Call {
    limits: Arc<Limits>,
    may_use: CallLimits,
    log: Option<LogSink>,
    log_bytes: usize,
    /// What it said last of an error: how guests tell of their panics before they trap.
    last_words: Option<String>,
    memory_bytes: usize,
    table_elements: usize,
}

/// What components are given: `host`, and nothing else.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<Call>, Failure> {
    let mut linker = Linker::new(engine);
    host::add_to_linker::<_, HasSelf<_>>(&mut linker, |call| call)
        .map_err(|error| Failure::Contract(format!("{error:#}")))?;
    Ok(linker)
}

/// Asks a fresh instance of `component` with `ask`, which may use `may_use` within `limits`.
pub(crate) fn call<T>(
    component: &InstancePre<Call>,
    limits: &Arc<Limits>,
    may_use: CallLimits,
    clock: &Clock,
    log: Option<&LogSink>,
    ask: impl FnOnce(&mut Store<Call>, &Instance) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let call = Call {
        limits: Arc::clone(limits),
        may_use,
        log: log.cloned(),
        log_bytes: 0,
        last_words: None,
        memory_bytes: 0,
        table_elements: 0,
    };
    let mut store = Store::new(component.engine(), call);
    store.limiter(|call| call);
    store.set_hostcall_fuel(may_use.output_bytes);
    store.set_fuel(may_use.fuel).map_err(|error| Failure::Compile(format!("{error:#}")))?;
    store.set_epoch_deadline(Clock::ticks(may_use.time));
    let _running = clock.run();
    let instance = component
        .instantiate(&mut store)
        .map_err(|error| why(&error, may_use).unwrap_or_else(|| no_fit(&error)))?;
    ask(&mut store, &instance).map_err(|failure| {
        match (failure, store.data_mut().last_words.take()) {
            (Failure::Trap(trap), Some(words)) => Failure::Trap(format!("{words} ({trap})")),
            (failure, _) => failure,
        }
    })
}

/// That a component lacks an export or has another shape.
pub(crate) fn no_fit(error: &Error) -> Failure {
    Failure::Contract(format!("{error:#}"))
}

/// Why a call ended with `error`.
pub(crate) fn ended(error: &Error, limits: CallLimits) -> Failure {
    why(error, limits).unwrap_or_else(|| Failure::BadOutput(format!("{error:#}")))
}

fn why(error: &Error, limits: CallLimits) -> Option<Failure> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(failure.clone());
    }
    // wasmtime has no type for this one.
    if error.root_cause().to_string().contains("fuel allocated for hostcalls") {
        return Some(Failure::Flood(format!("an answer may have {} bytes", limits.output_bytes)));
    }
    Some(match *error.downcast_ref::<Trap>()? {
        Trap::Interrupt => {
            Failure::Timeout { millis: u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX) }
        }
        Trap::OutOfFuel => Failure::Fuel { fuel: limits.fuel },
        trap @ (Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidDiscriminant
        | Trap::InvalidChar
        | Trap::UnalignedPointer) => {
            Failure::BadOutput(trap.to_string().replacen("wasm trap: ", "", 1))
        }
        trap => Failure::Trap(trap.to_string().replacen("wasm trap: ", "", 1)),
    })
}

impl host::Host for Call {
    fn log(&mut self, level: host::Level, message: String) -> wasmtime::Result<()> {
        self.log_bytes += message.len() + LOG_LINE_BYTES;
        if self.log_bytes > self.may_use.log_bytes {
            let limit = self.may_use.log_bytes;
            return Err(Failure::Flood(format!("a call may log {limit} bytes")).into());
        }
        let (level, message) = (importance(level), line(&message));
        if let Some(log) = &self.log {
            log(level, &message);
        }
        if level == LogLevel::Error {
            self.last_words = Some(message);
        }
        Ok(())
    }
}

impl types::Host for Call {}

fn importance(level: host::Level) -> LogLevel {
    match level {
        host::Level::Error => LogLevel::Error,
        host::Level::Warning => LogLevel::Warning,
        host::Level::Info => LogLevel::Info,
        host::Level::Debug => LogLevel::Debug,
    }
}

/// Growing beyond the limits ends the call: a component that is told "no" may try for ever.
impl ResourceLimiter for Call {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.may_use.memory_bytes;
        grow(&mut self.memory_bytes, [current, desired], maximum, limit, "bytes of memory")
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.limits.table_elements;
        grow(&mut self.table_elements, [current, desired], maximum, limit, "elements of tables")
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }
}

/// Adds the growth of one memory or table to the `total` of the call.
fn grow(
    total: &mut usize,
    [current, desired]: [usize; 2],
    maximum: Option<usize>,
    limit: usize,
    what: &str,
) -> wasmtime::Result<bool> {
    if maximum.is_some_and(|maximum| desired > maximum) {
        return Ok(false);
    }
    let grown = total.saturating_sub(current).saturating_add(desired);
    if grown > limit {
        return Err(Failure::Memory(format!("{grown} {what}; {limit} are allowed")).into());
    }
    *total = grown;
    Ok(true)
}
