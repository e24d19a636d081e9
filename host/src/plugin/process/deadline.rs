//! How long a plugin may take for what is quick, and for stopping.

use std::env;
use std::time::Duration;

use olive_schemas::protocol::Call;

/// A time limit of one kind of call.
#[derive(Debug)]
pub struct Deadline {
    /// What is to be done: `describe itself`.
    pub what: &'static str,
    /// Variable that sets another limit, in seconds.
    pub variable: &'static str,
    /// The limit when nothing sets another one.
    otherwise: Duration,
}

const DESCRIBE: Deadline = Deadline {
    what: "describe itself",
    variable: "OLIVE_DESCRIBE_SECONDS",
    otherwise: Duration::from_secs(30),
};

const PREPARE: Deadline = Deadline {
    what: "look at the step",
    variable: "OLIVE_PREPARE_SECONDS",
    otherwise: Duration::from_mins(10),
};

const STOP: Deadline =
    Deadline { what: "stop", variable: "OLIVE_STOP_SECONDS", otherwise: Duration::from_secs(20) };

/// Time a step has to write a checkpoint and to stop, once it was asked to.
///
/// Less than the 30 s that Slurm leaves between SIGTERM and SIGKILL.
pub(super) fn grace() -> Duration {
    STOP.limit()
}

impl Deadline {
    /// The deadline of `call`; a step may take as long as it takes.
    pub(super) fn of(call: &Call) -> Option<&'static Self> {
        match call {
            Call::Describe { .. } => Some(&DESCRIBE),
            Call::Prepare { .. } => Some(&PREPARE),
            Call::Run { .. } => None,
        }
    }

    /// The limit.
    pub fn limit(&self) -> Duration {
        let seconds = env::var(self.variable).ok().and_then(|text| text.trim().parse().ok());
        seconds.map_or(self.otherwise, Duration::from_secs)
    }
}
