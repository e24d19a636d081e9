//! Programs that are asked for something.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::EnvironmentError;

/// Time between the first two looks of a wait, each later one twice as long as the one before.
const TICK: Duration = Duration::from_millis(50);
/// The longest such time.
const PAUSE: Duration = Duration::from_secs(1);

/// Variable of the user for the seconds that a step has to stop.
const STOP_SECONDS: &str = "OLIVE_STOP_SECONDS";

/// Time that a step has to write a checkpoint and to stop.
pub(crate) fn grace() -> Duration {
    let seconds = env::var(STOP_SECONDS).ok().and_then(|text| text.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(20))
}

/// What `command`, which people call `name`, says within `limit`.
pub(crate) fn output(
    mut command: Command,
    name: &str,
    limit: Duration,
) -> Result<Output, EnvironmentError> {
    command.stdin(Stdio::null());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = sender.send(command.output());
    });
    let Ok(output) = receiver.recv_timeout(limit) else {
        let said = format!("nothing was said for {} s", limit.as_secs());
        return Err(EnvironmentError::Silent { name: name.to_owned(), said });
    };
    output.map_err(|source| EnvironmentError::Start { name: name.to_owned(), source })
}

/// Whether a program of this name is in `PATH`.
pub(crate) fn is_there(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder: PathBuf| folder.join(name).is_file())
}

/// Looks until `is_done`, for at most `limit`; says whether it is.
pub(crate) fn wait(
    limit: Duration,
    mut is_done: impl FnMut() -> Result<bool, EnvironmentError>,
) -> Result<bool, EnvironmentError> {
    let (start, mut pause) = (Instant::now(), TICK);
    loop {
        if is_done()? {
            return Ok(true);
        }
        if start.elapsed() > limit {
            return Ok(false);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(PAUSE);
    }
}
