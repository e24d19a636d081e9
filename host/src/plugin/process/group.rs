//! A process and everything it has started, ended together.

use std::io;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// Longest pause between two looks at a process that is about to end.
const PAUSE: Duration = Duration::from_millis(20);

/// A process that leads a group of its own.
pub(super) struct Group {
    child: Child,
    is_reaped: bool,
}

impl Group {
    /// The group of `child`, which was started as its leader.
    pub(super) fn new(child: Child) -> Self {
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
        self.is_reaped = true;
        self.child.wait().map(|status| has_ended.then_some(status))
    }

    /// Kills every process of the group.
    pub(super) fn kill(&mut self) {
        // What is gone already need not be killed.
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        let _ = self.child.kill();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.kill();
            let _ = self.child.wait();
        }
    }
}
