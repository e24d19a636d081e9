//! Programs that are asked for something.

use std::env;
use std::io::{self, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

/// Time between the first two looks at a program, each later one twice as long as the one before.
const TICK: Duration = Duration::from_millis(5);
/// The longest such time.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the last words of a program that has ended may be on their way.
const DELIVERY: Duration = Duration::from_secs(5);
/// Time between the first two looks of [`wait`].
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// Why a program has given no answer.
#[derive(Debug, Error)]
pub enum Unanswered {
    /// It cannot be started.
    #[error("it cannot be started")]
    Start(#[source] io::Error),
    /// It took too long, and was ended.
    #[error("nothing was said for {} s", limit.as_secs())]
    Late {
        /// The time that it had.
        limit: Duration,
    },
    /// Nobody waits for it any more, and it was ended.
    #[error("it was stopped")]
    Cancelled,
}

/// What `command` says within `limit`, unless it `is_cancelled` before.
///
/// Its standard input is empty. When it does not end, it is ended with every process of its group.
///
/// # Errors
/// When it gives no answer; one that ends badly has given one.
pub fn output(
    mut command: Command,
    limit: Duration,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Output, Unanswered> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    let start = Instant::now();
    let mut child = command.spawn().map_err(Unanswered::Start)?;
    let (out, err) = (all(child.stdout.take()), all(child.stderr.take()));
    let mut pause = TICK;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(error) => {
                end(&mut child);
                return Err(Unanswered::Start(error));
            }
        }
        let late = start.elapsed() > limit;
        if late || is_cancelled() {
            end(&mut child);
            return Err(if late { Unanswered::Late { limit } } else { Unanswered::Cancelled });
        }
        thread::sleep(pause);
        pause = (pause * 2).min(PAUSE);
    };
    let heard = |words: &Receiver<Vec<u8>>| match words.recv_timeout(DELIVERY) {
        Ok(words) => Ok(words),
        // What it has started holds its output and goes on.
        Err(RecvTimeoutError::Timeout) => Err(Unanswered::Late { limit: DELIVERY }),
        Err(RecvTimeoutError::Disconnected) => Ok(Vec::new()),
    };
    Ok(Output { status, stdout: heard(&out)?, stderr: heard(&err)? })
}

/// Whether a program of this name is in `PATH`.
pub fn is_there(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Looks until `is_done`, for at most `limit` and with a pause of at most `pause` between two looks;
/// says whether it is.
///
/// # Errors
/// Those of a look.
pub fn wait<E>(
    limit: Duration,
    pause: Duration,
    mut is_done: impl FnMut() -> Result<bool, E>,
) -> Result<bool, E> {
    let (start, mut next) = (Instant::now(), FIRST_LOOK);
    loop {
        if is_done()? {
            return Ok(true);
        }
        if start.elapsed() > limit {
            return Ok(false);
        }
        thread::sleep(next);
        next = (next * 2).min(pause);
    }
}

/// Everything that comes out of a pipe, when it has ended.
fn all(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut words = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before is worth something.
            let _ = pipe.read_to_end(&mut words);
        }
        // Nobody listens any more when it took too long.
        let _ = sender.send(words);
    });
    receiver
}

/// Kills the group of `child`.
fn end(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        // It is not waited for yet, so that its number is still its own.
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::fs;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{Unanswered, output, wait};

    const LONG: Duration = Duration::from_mins(1);

    fn shell(line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    }

    #[test]
    fn both_streams_and_the_end_are_an_answer() {
        let said = output(shell("cat; echo out; echo err >&2; exit 3"), LONG, &|| false).unwrap();
        assert_eq!((&*said.stdout, &*said.stderr), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(said.status.code(), Some(3));
        // More than a pipe holds.
        let said = output(shell("head -c 300000 /dev/zero"), LONG, &|| false).unwrap();
        assert_eq!(said.stdout.len(), 300_000);
        let missing = output(Command::new("olive-has-no-such-program"), LONG, &|| false);
        assert!(matches!(missing, Err(Unanswered::Start(_))));
    }

    #[test]
    fn what_does_not_answer_is_ended_with_what_it_has_started() {
        for is_cancelled in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let pid = folder.path().join("pid");
            let line =
                format!("sleep 600 & echo $! >'{0}.new'; mv '{0}.new' '{0}'; wait", pid.display());
            let begun = || pid.exists();
            let limit = if is_cancelled { LONG } else { Duration::from_secs(3) };
            let start = Instant::now();
            let unanswered = output(shell(&line), limit, &|| is_cancelled && begun()).unwrap_err();
            assert!(start.elapsed() < LONG);
            match unanswered {
                Unanswered::Late { .. } => assert!(!is_cancelled),
                Unanswered::Cancelled => assert!(is_cancelled),
                Unanswered::Start(error) => panic!("{error}"),
            }
            let child = fs::read_to_string(&pid).unwrap();
            let is_gone = || {
                let alive = Command::new("kill").args(["-0", child.trim()]).output().unwrap();
                let state = fs::read_to_string(format!("/proc/{}/stat", child.trim()));
                let is_reaped = state.map_or(true, |state| state.contains(") Z "));
                Ok::<_, Infallible>(!alive.status.success() || is_reaped)
            };
            assert!(wait(LONG, Duration::from_millis(100), is_gone).unwrap());
        }
    }

    #[test]
    fn a_wait_ends_at_its_limit() {
        let never = || Ok::<_, Infallible>(false);
        assert!(!wait(Duration::ZERO, Duration::ZERO, never).unwrap());
        assert_eq!(wait(LONG, LONG, || Err("no")), Err("no"));
    }
}
