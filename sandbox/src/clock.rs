//! The clock that ends calls which take too long.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// Time between two ticks; calls are stopped at one.
const TICK: Duration = Duration::from_millis(10);

/// A thread that ticks while calls run, started by the first one and asleep between them.
pub(crate) struct Clock {
    engine: Engine,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    running_calls: usize,
    is_started: bool,
    is_closed: bool,
}

/// A call that the clock ticks for until this is dropped.
pub(crate) struct Running<'a>(&'a Shared);

impl Clock {
    /// A clock of `engine` that does not tick yet.
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, shared: Arc::default() }
    }

    /// Ticks that a call of at least `time` sees; the first one may come at once.
    pub(crate) fn ticks(time: Duration) -> u64 {
        let ticks = time.as_nanos().div_ceil(TICK.as_nanos()) + 1;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Ticks until the answer is dropped.
    pub(crate) fn run(&self) -> Running<'_> {
        let mut state = self.shared.lock();
        state.running_calls += 1;
        if !state.is_started {
            let (engine, shared) = (self.engine.clone(), Arc::clone(&self.shared));
            // Without a thread, calls still end: fuel runs out, only later.
            state.is_started = thread::Builder::new()
                .name("sandbox-clock".into())
                .spawn(move || shared.tick(&engine))
                .is_ok();
        }
        drop(state);
        self.shared.changed.notify_one();
        Running(&self.shared)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_one();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().running_calls -= 1;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self, engine: &Engine) {
        loop {
            let idle = |state: &mut State| state.running_calls == 0 && !state.is_closed;
            let state = self.changed.wait_while(self.lock(), idle);
            if state.unwrap_or_else(PoisonError::into_inner).is_closed {
                return;
            }
            thread::sleep(TICK);
            engine.increment_epoch();
        }
    }
}
