//! A process and everything it has started, ended together.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Longest pause between two looks at a process that is about to end.
const PAUSE: Duration = Duration::from_millis(20);

/// Leaders of the groups that have not been ended yet.
static ALIVE: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn alive() -> MutexGuard<'static, Vec<u32>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every group under way: the program is about to end.
pub(super) fn kill_all() {
    // The lock is kept: no leader is reaped meanwhile, so that each number is still its own.
    for leader in alive().iter() {
        kill_group(*leader);
    }
}

/// Kills every process of the group of `leader`.
#[cfg(unix)]
fn kill_group(leader: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(leader) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // What is gone already need not be killed.
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

/// Such a system knows no groups; a worker there ends when its input does.
#[cfg(not(unix))]
fn kill_group(_leader: u32) {}

/// A process that leads a group of its own.
pub(super) struct Group {
    child: Child,
    is_reaped: bool,
}

impl Group {
    /// The group of `child`, which was started as its leader.
    pub(super) fn new(child: Child) -> Self {
        alive().push(child.id());
        Self { child, is_reaped: false }
    }

    /// Whether the leader has ended; it is not reaped yet, so that its number stays its own.
    #[cfg(unix)]
    pub(super) fn has_ended(&mut self) -> bool {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let state = waitid(WaitId::Pid(Pid::from_child(&self.child)), options);
        !matches!(state, Ok(None))
    }

    /// Whether the leader has ended.
    #[cfg(not(unix))]
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Gives the leader `patience` to end by itself, kills what is left of the group, and tells how
    /// the leader ended; `None` when it did not by itself.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(super) fn end(mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(1);
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(pause);
            pause = (2 * pause).min(PAUSE);
        }
        let has_ended = self.has_ended();
        self.kill();
        self.reap().map(|status| has_ended.then_some(status))
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        self.is_reaped = true;
        let leader = self.child.id();
        alive().retain(|other| *other != leader);
        self.child.wait()
    }

    /// Kills every process of the group.
    pub(super) fn kill(&mut self) {
        kill_group(self.child.id());
        let _ = self.child.kill();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.kill();
            let _ = self.reap();
        }
    }
}
