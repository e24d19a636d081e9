//! Programs that are asked for something.

use std::env;
use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use olive_kit_programs::ask::{self, Unanswered};

use crate::error::EnvironmentError;

/// The longest time between two looks of a wait.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest time in which a program says the machine's name.
const ANSWER: Duration = Duration::from_secs(10);

/// Variable of the user for the seconds that a step has to stop.
const STOP_SECONDS: &str = "OLIVE_STOP_SECONDS";

/// Time that a step has to write a checkpoint and to stop.
pub(crate) fn grace() -> Duration {
    let seconds = env::var(STOP_SECONDS).ok().and_then(|text| text.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(20))
}

/// Name of this machine, when it has one.
pub(crate) fn machine() -> Option<String> {
    let name = if cfg!(target_os = "linux") {
        fs::read_to_string("/proc/sys/kernel/hostname").ok()
    } else if cfg!(windows) {
        env::var("COMPUTERNAME").ok()
    } else {
        let mut command = Command::new("uname");
        command.arg("-n");
        let said = output(command, "uname", ANSWER, &|| false).ok();
        said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned())
    };
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// What `command`, which people call `name`, says within `limit`, unless it `is_cancelled` before.
pub(crate) fn output(
    command: Command,
    name: &str,
    limit: Duration,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Output, EnvironmentError> {
    let name = name.to_owned();
    ask::output(command, limit, is_cancelled).map_err(|why| match why {
        Unanswered::Start(source) => EnvironmentError::Start { name, source },
        Unanswered::Late { .. } => EnvironmentError::Silent { name, said: why.to_string() },
        Unanswered::Cancelled => EnvironmentError::Cancelled,
    })
}

/// Looks until `is_done`, for at most `limit`; says whether it is.
pub(crate) fn wait(
    limit: Duration,
    is_done: impl FnMut() -> Result<bool, EnvironmentError>,
) -> Result<bool, EnvironmentError> {
    ask::wait(limit, PAUSE, is_done)
}
