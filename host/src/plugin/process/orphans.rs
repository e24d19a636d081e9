//! Processes that a plugin has started and left behind.
//!
//! A process that leaves its group survives the end of the group. On Linux it becomes a child of
//! the host, which knows it by a variable in its environment and ends it; elsewhere it lives on.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Variable that says which call a process belongs to.
const CALL: &str = "OLIVE_CALL";
/// Time spent on ending what starts new processes all the time.
const PATIENCE: Duration = Duration::from_secs(2);
/// Looks at the threads of a process, some of which end whenever it is looked at.
const LOOKS: usize = 10;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// The processes of one call.
pub(super) struct Mark(String);

impl Mark {
    /// A mark on the process that `command` starts and on all that it will start.
    pub(super) fn on(command: &mut Command) -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        adopt_orphans();
        let mark = format!("{}.{number}", process::id());
        command.env(CALL, &mark);
        Self(format!("{CALL}={mark}"))
    }

    /// Ends what is left of the call, whose first process has ended.
    pub(super) fn sweep(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left: Vec<u32> = children(process::id())
                .into_iter()
                .filter(|child| self.is_on(*child))
                .filter(|child| end(*child))
                .collect();
            // The children of those that have just ended are children of the host now.
            if left.is_empty() || Instant::now() > deadline {
                return;
            }
        }
    }

    fn is_on(&self, process: u32) -> bool {
        let variables = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        variables.split(|byte| *byte == 0).any(|variable| variable == self.0.as_bytes())
    }
}

/// Lets processes whose parents have ended become children of this one.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    }
}

/// Ends the child `process`; false when it cannot be ended.
#[cfg(target_os = "linux")]
fn end(process: u32) -> bool {
    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return false };
    kill_process(pid, Signal::KILL).is_ok() && waitpid(Some(pid), WaitOptions::empty()).is_ok()
}

/// Ends the child `process`; never: no such child is found here.
#[cfg(not(target_os = "linux"))]
fn end(_process: u32) -> bool {
    false
}

/// The children of `process`; none where the system does not tell.
pub(super) fn children(process: u32) -> Vec<u32> {
    let mut lists = children_by_thread(process);
    for _ in 0..LOOKS {
        // A thread that has ended meanwhile has left its children to another.
        let is_mixed = lists.iter().any(Result::is_ok) && lists.iter().any(Result::is_err);
        if !is_mixed {
            break;
        }
        lists = children_by_thread(process);
    }
    if lists.iter().all(Result::is_err) {
        return children_by_parent(process);
    }
    lists.into_iter().flatten().flat_map(|list| numbers(&list)).collect()
}

/// What the system says of the children of each thread of `process`.
fn children_by_thread(process: u32) -> Vec<io::Result<String>> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists: Vec<PathBuf> = threads.map(|thread| thread.path().join("children")).collect();
    lists.into_iter().map(fs::read_to_string).collect()
}

fn numbers(list: &str) -> Vec<u32> {
    list.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// The children of `process`, for kernels without lists of children.
fn children_by_parent(process: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|number| parent(*number) == Some(process)).collect()
}

fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything; state and parent follow its last one.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::{self, Command};
    use std::sync::Barrier;
    use std::thread;

    use super::{Mark, children, children_by_parent};

    #[test]
    #[expect(clippy::zombie_processes, reason = "to sweep is to wait for it")]
    fn children_are_found_both_ways_and_only_marked_ones_are_ended() {
        let sleep = || {
            let mut command = Command::new("sleep");
            command.arg("60");
            command
        };
        let mut stranger = sleep().spawn().unwrap();
        let mut marked = sleep();
        let mark = Mark::on(&mut marked);
        let marked = marked.spawn().unwrap();
        for found in [children(process::id()), children_by_parent(process::id())] {
            assert!(found.contains(&stranger.id()) && found.contains(&marked.id()), "{found:?}");
        }
        mark.sweep();
        assert!(!children(process::id()).contains(&marked.id()));
        assert!(children(process::id()).contains(&stranger.id()));
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }

    #[test]
    fn children_are_found_while_threads_end() {
        const THREADS: usize = 50;
        let start = Barrier::new(THREADS + 1);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| start.wait());
            }
            // A thread that is listed after those that end.
            scope.spawn(|| {
                let mut child = Command::new("sleep").arg("60").spawn().unwrap();
                start.wait();
                for _ in 0..200 {
                    assert!(children(process::id()).contains(&child.id()));
                }
                child.kill().unwrap();
                child.wait().unwrap();
            });
        });
    }
}
