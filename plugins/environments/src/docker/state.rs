//! How a container is, and what follows from that for its job.

use olive_plugin_api::JobState;
use serde::Deserialize;

use super::image::unfitness;
use crate::folder::{KILLED, WHY_KILLED};

/// Exit codes of a script that could not begin.
const NOT_BEGUN: [i32; 3] = [70, 126, 127];

/// What an engine says of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Container {
    pub(super) status: String,
    #[serde(rename = "OOMKilled")]
    pub(super) is_out_of_memory: bool,
    pub(super) exit_code: i32,
    pub(super) error: String,
}

/// What the folder of a job says.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The worker's exit code.
    pub(super) code: Option<i32>,
    /// Whether the script was asked to stop.
    pub(super) was_stopped: bool,
    /// Whether the worker has written anything for the host.
    pub(super) has_spoken: bool,
    /// What was complained of, in the job or by the script.
    pub(super) complaints: String,
    /// The limit of its memory.
    pub(super) memory: Option<String>,
}

/// What the folder alone decides.
pub(super) fn by_folder(facts: &Facts) -> Option<JobState> {
    let has_ended_well = facts.code == Some(0) && !facts.was_stopped;
    has_ended_well.then_some(JobState::Ended { exit_code: Some(0) })
}

/// How a job is whose container `name` is so; none is a container that is gone.
pub(super) fn judge(name: &str, facts: &Facts, container: Option<&Container>) -> JobState {
    if let Some(state) = by_folder(facts) {
        return state;
    }
    let Some(container) = container else {
        let reason = "somebody removed its container".into();
        let code = facts.code.filter(|_| !facts.was_stopped);
        let ended = code.map(|code| JobState::Ended { exit_code: Some(code) });
        return ended.unwrap_or(JobState::Lost { reason });
    };
    match container.status.as_str() {
        "paused" => {
            let reason = format!("its container `{name}` is paused; `unpause` lets it go on");
            JobState::Queued { reason: Some(reason) }
        }
        "exited" | "dead" | "stopped" | "removing" => {
            match (ending(facts, container), facts.code) {
                (Some(reason), _) => JobState::Lost { reason },
                (None, code) => JobState::Ended { exit_code: code.or(Some(container.exit_code)) },
            }
        }
        _ => JobState::Running,
    }
}

/// Why a container that has ended has no good result; none where its worker ended by itself.
fn ending(facts: &Facts, container: &Container) -> Option<String> {
    let is_killed = facts.code.unwrap_or(container.exit_code) == KILLED;
    let unfit = || unfitness(&facts.complaints).filter(|_| !facts.has_spoken);
    let reason = if container.is_out_of_memory {
        out_of_memory(facts)
    } else if !container.error.is_empty() {
        format!("its container could not start: {}", container.error)
    } else if facts.was_stopped {
        "its container was stopped from outside".into()
    } else if is_killed && facts.code.is_some() && facts.memory.is_some() {
        out_of_memory(facts)
    } else if is_killed {
        WHY_KILLED.into()
    } else if let Some(unfitness) = unfit() {
        format!("Olive cannot run in its image: {}; {}", unfitness.why, unfitness.help)
    } else if facts.code.is_none() && NOT_BEGUN.contains(&container.exit_code) {
        let said = facts.complaints.lines().last().unwrap_or("nothing was said");
        format!("its script could not begin: {said}")
    } else if facts.code.is_none() {
        let code = container.exit_code;
        format!("its container ended with exit code {code} before the worker did")
    } else {
        return None;
    };
    Some(reason)
}

fn out_of_memory(facts: &Facts) -> String {
    match &facts.memory {
        Some(memory) => format!("it used more memory than it may ({memory}): raise `memory`"),
        None => "the machine has less memory than it used".into(),
    }
}

#[cfg(test)]
mod tests {
    use olive_plugin_api::JobState;

    use super::{Container, Facts, judge};

    #[track_caller]
    fn check(facts: &Facts, said: Option<&str>, expected: &str) {
        let container = said.map(|said| serde_json::from_str::<Container>(said).unwrap());
        let told = match judge("box", facts, container.as_ref()) {
            JobState::Queued { reason } => format!("queued: {}", reason.unwrap_or_default()),
            JobState::Running => "running".into(),
            JobState::Ended { exit_code } => format!("ended: {exit_code:?}"),
            JobState::Lost { reason } => format!("lost: {reason}"),
        };
        assert!(told.starts_with(expected), "{told}");
    }

    #[test]
    fn what_ended_without_a_word_is_one_sentence() {
        let none = Facts::default();
        let limited = Facts { memory: Some("1g".into()), ..Facts::default() };
        let rows = [
            (&none, r#"{"Status": "running", "Pid": 7}"#, "running"),
            (&none, r#"{"Status": "created"}"#, "running"),
            (&none, r#"{"Status": "paused", "Running": true}"#, "queued: its container `box` is"),
            (&none, r#"{"Status": "exited", "ExitCode": 137}"#, "lost: it was killed (SIGKILL)"),
            (
                &limited,
                r#"{"Status": "exited", "ExitCode": 137, "OOMKilled": true}"#,
                "lost: it used more memory than it may (1g): raise `memory`",
            ),
            (
                &none,
                r#"{"Status": "exited", "ExitCode": 1, "OOMKilled": true}"#,
                "lost: the machine has less memory",
            ),
            (
                &none,
                r#"{"Status": "exited", "ExitCode": 127, "Error": "no such device"}"#,
                "lost: its container could not start: no such device",
            ),
            (
                &none,
                r#"{"Status": "exited", "ExitCode": 70}"#,
                "lost: its script could not begin: nothing was said",
            ),
            (
                &none,
                r#"{"Status": "exited", "ExitCode": 3}"#,
                "lost: its container ended with exit code 3 before the worker did",
            ),
        ];
        for (facts, said, expected) in rows {
            check(facts, Some(said), expected);
        }
        check(&none, None, "lost: somebody removed its container");
    }

    #[test]
    fn the_word_of_the_worker_goes_before_that_of_the_engine() {
        let exited = Some(r#"{"Status": "exited", "ExitCode": 134}"#);
        let done = Facts { code: Some(0), ..Facts::default() };
        check(&done, None, "ended: Some(0)");
        check(&done, exited, "ended: Some(0)");
        let crashed = Facts { code: Some(134), ..Facts::default() };
        check(&crashed, exited, "ended: Some(134)");
        check(&crashed, None, "ended: Some(134)");
        check(&crashed, Some(r#"{"Status": "running"}"#), "running");
        let stopped = Facts { was_stopped: true, ..done };
        check(&stopped, exited, "lost: its container was stopped from outside");
        check(&stopped, None, "lost: somebody removed its container");
        let complaints = "olive: /lib/libc.so.6: version `GLIBC_2.38' not found".to_owned();
        let unfit = Facts { complaints, code: Some(1), ..Facts::default() };
        check(&unfit, exited, "lost: Olive cannot run in its image: its C library is older");
        check(&Facts { has_spoken: true, ..unfit }, exited, "ended: Some(1)");
    }
}
