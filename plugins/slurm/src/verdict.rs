//! How a job is: what its folder says, and what Slurm says where the folder says too little.

use olive_plugin_api::JobState;

use crate::command::Number;
use crate::config::WARNING_SECONDS;
use crate::record::{Record, Stage};

/// How much later than asked Slurm may send a warning.
const RESOLUTION_SECONDS: u64 = 60;
/// Why a job waits whose predecessor has failed.
const NEVER: &str = "DependencyNeverSatisfied";
/// Exit code of a script that does not see its folder.
const NO_FOLDER: &str = "70:0";
/// What Slurm writes into the log of a job that used too much memory.
const MEMORY_WORDS: [&str; 4] =
    ["xceeded memory limit", "xceeded job memory limit", "oom_kill", "oom-kill"];

/// What the folder of a job says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The worker's exit code.
    pub(crate) code: Option<i32>,
    /// Whether the script has begun.
    pub(crate) has_started: bool,
    /// Whether the script was asked to stop.
    pub(crate) was_stopped: bool,
    /// Why the script has not started the worker.
    pub(crate) failed: Option<String>,
    /// What Slurm wrote on the node.
    pub(crate) log: String,
}

/// How a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// So.
    State(JobState),
    /// It has ended well, and its result is not seen here.
    Unseen,
}

/// What the folder alone decides.
pub(crate) fn by_folder(facts: &Facts) -> Option<JobState> {
    if let Some(reason) = &facts.failed {
        return Some(JobState::Lost { reason: reason.clone() });
    }
    let has_ended_well = facts.code == Some(0) && !facts.was_stopped;
    has_ended_well.then_some(JobState::Ended { exit_code: Some(0) })
}

/// How the job `number` is, by its folder and what Slurm knows of it.
pub(crate) fn judge(number: &Number, facts: &Facts, record: Option<&Record>) -> Verdict {
    if let Some(state) = by_folder(facts) {
        return Verdict::State(state);
    }
    let Some(record) = record else {
        let reason = format!("Slurm no longer knows job {}, which left no result", number.id);
        let ended = facts.code.map(|code| JobState::Ended { exit_code: Some(code) });
        return Verdict::State(ended.unwrap_or(JobState::Lost { reason }));
    };
    match record.stage() {
        Stage::Waiting if record.reason == NEVER => {
            let reason = "it waits for a job that has failed, and will never start".into();
            Verdict::State(JobState::Lost { reason })
        }
        Stage::Waiting => Verdict::State(JobState::Queued { reason: waiting(number, record) }),
        Stage::Active => Verdict::State(JobState::Running),
        Stage::Over => match (ending(record, facts), facts.code) {
            (Some(reason), _) => Verdict::State(JobState::Lost { reason }),
            (None, Some(code)) => Verdict::State(JobState::Ended { exit_code: Some(code) }),
            (None, None) => Verdict::Unseen,
        },
    }
}

/// Why a job waits.
fn waiting(number: &Number, record: &Record) -> Option<String> {
    let id = &number.id;
    let reason = match record.reason.as_str() {
        "None" => return None,
        "BeginTime" if record.num_restarts > 0 => {
            "its node failed or was taken for another job; it starts again soon".into()
        }
        "Priority" => "other jobs go before it".into(),
        "Resources" => "no node has enough free resources yet".into(),
        "Dependency" => "another job must end before it".into(),
        "JobArrayTaskLimit" => "other trials of the same search go before it".into(),
        "JobHeldUser" => format!("it is held; `scontrol release {id}` lets it go"),
        "JobHeldAdmin" => "it is held by an administrator".into(),
        "PartitionDown" | "PartitionInactive" => "its partition is closed".into(),
        "PartitionTimeLimit" => "its partition does not allow so much `time`".into(),
        "PartitionNodeLimit" => "its partition does not allow so many `nodes`".into(),
        reason if reason.starts_with("ReqNodeNotAvail") => {
            "nodes that it needs are down or reserved".into()
        }
        reason if reason.starts_with("QOS") || reason.starts_with("Assoc") => {
            format!("a limit of its account or quality of service is reached ({reason})")
        }
        reason => reason.to_owned(),
    };
    Some(reason)
}

/// Why a job that is over has no good result, as far as Slurm knows; none where it ended by itself.
fn ending(record: &Record, facts: &Facts) -> Option<String> {
    let node = record.node.as_deref().unwrap_or("unknown");
    let limit = &record.time_limit;
    let has_too_much = MEMORY_WORDS.iter().any(|words| facts.log.contains(words));
    let stopped_for_time =
        facts.was_stopped && record.is_near_limit(WARNING_SECONDS + RESOLUTION_SECONDS);
    let reason = match record.state.as_str() {
        "OUT_OF_MEMORY" => out_of_memory(record),
        "FAILED" | "CANCELLED" if has_too_much => out_of_memory(record),
        "CANCELLED" if record.reason == NEVER => {
            "it waited for a job that has failed, and was never started".into()
        }
        "CANCELLED" => match &record.cancelled_by {
            Some(user) => format!("it was cancelled by user {user}"),
            None => "it was cancelled; Slurm does not say by whom without accounting".into(),
        },
        "TIMEOUT" => out_of_time(limit),
        "NODE_FAIL" | "BOOT_FAIL" => format!("its node {node} failed"),
        "PREEMPTED" => format!("its node {node} was taken for a job that goes before"),
        "DEADLINE" => "its deadline was reached".into(),
        "REVOKED" => "another cluster runs it".into(),
        _ if stopped_for_time => out_of_time(limit),
        state if facts.was_stopped => format!("it was asked to stop ({state})"),
        "FAILED" if facts.code.is_none() && record.exit == NO_FOLDER => {
            format!("node {node} does not see `work_dir`: name a folder on a shared disk")
        }
        "FAILED" if !facts.has_started => {
            format!("node {node} could not start it ({}, exit code {})", record.reason, record.exit)
        }
        "FAILED" if facts.code.is_none() => {
            format!("its script ended with exit code {} before the worker did", record.exit)
        }
        _ => return None,
    };
    Some(reason)
}

fn out_of_memory(record: &Record) -> String {
    let limit = record.memory.as_ref().map(|size| format!(" ({size})")).unwrap_or_default();
    format!("it used more memory than it may{limit}: raise `mem`")
}

fn out_of_time(limit: &str) -> String {
    format!("its time limit ({limit}) was reached: raise `time`, or run again from its checkpoint")
}

#[cfg(test)]
mod tests {
    use olive_plugin_api::JobState;

    use super::{Facts, Verdict, judge};
    use crate::command::Number;
    use crate::record::Record;
    use crate::record::tests::CANCELLED;

    const STARTED: fn() -> Facts = || Facts { has_started: true, ..Facts::default() };

    /// The recorded job with some fields changed.
    fn record(changes: &[(&str, &str)]) -> Record {
        let mut line = CANCELLED.to_owned();
        for (from, to) in changes {
            assert!(line.contains(from), "{from}");
            line = line.replace(from, to);
        }
        Record::of_scontrol(&line).unwrap()
    }

    #[track_caller]
    fn check(facts: &Facts, changes: &[(&str, &str)], expected: &str) {
        let number = Number::parse("17").unwrap();
        let told = match judge(&number, facts, Some(&record(changes))) {
            Verdict::Unseen => "unseen".into(),
            Verdict::State(JobState::Queued { reason }) => {
                format!("queued: {}", reason.unwrap_or_default())
            }
            Verdict::State(JobState::Running) => "running".into(),
            Verdict::State(JobState::Ended { exit_code }) => format!("ended: {exit_code:?}"),
            Verdict::State(JobState::Lost { reason }) => format!("lost: {reason}"),
        };
        assert!(told.starts_with(expected), "{told}");
    }

    #[test]
    fn what_is_over_without_a_result_is_one_sentence() {
        let state = |state| [("JobState=CANCELLED", state)];
        let rows = [
            ("JobState=CANCELLED", "lost: it was cancelled; Slurm does not say"),
            ("JobState=TIMEOUT", "lost: its time limit (UNLIMITED) was reached"),
            ("JobState=OUT_OF_MEMORY", "lost: it used more memory than it may (256M): raise `mem`"),
            ("JobState=NODE_FAIL", "lost: its node n1 failed"),
            ("JobState=PREEMPTED", "lost: its node n1 was taken"),
            ("JobState=FAILED", "lost: its script ended with exit code 0:15"),
            ("JobState=COMPLETED", "unseen"),
            ("JobState=COMPLETING", "running"),
            ("JobState=RUNNING", "running"),
        ];
        for (name, expected) in rows {
            check(&STARTED(), &state(name), expected);
        }
        let never = [("Reason=None", "Reason=DependencyNeverSatisfied")];
        check(&Facts::default(), &never, "lost: it waited for a job that has failed");
        let failed = ("JobState=CANCELLED", "JobState=FAILED");
        check(
            &Facts::default(),
            &[failed, ("ExitCode=0:15", "ExitCode=70:0")],
            "lost: node n1 does not see `work_dir`",
        );
        let launch = [failed, ("Reason=None", "Reason=JobLaunchFailure")];
        check(&Facts::default(), &launch, "lost: node n1 could not start it (JobLaunchFailure");
        let log = "slurmstepd-n1: error: Exceeded job memory limit".into();
        check(&Facts { log, ..STARTED() }, &launch, "lost: it used more memory");
    }

    #[test]
    fn what_waits_says_why() {
        let rows = [
            ("Reason=None", "Restarts=0", "queued: "),
            ("Reason=Resources", "Restarts=0", "queued: no node has enough"),
            ("Reason=Priority", "Restarts=0", "queued: other jobs"),
            ("Reason=BeginTime", "Restarts=1", "queued: its node failed"),
            ("Reason=BeginTime", "Restarts=0", "queued: BeginTime"),
            ("Reason=JobHeldUser", "Restarts=0", "queued: it is held; `scontrol release 17`"),
            ("Reason=Dependency", "Restarts=0", "queued: another job must end"),
            ("Reason=JobArrayTaskLimit", "Restarts=0", "queued: other trials"),
            ("Reason=QOSMaxCpuPerUserLimit", "Restarts=0", "queued: a limit of its account"),
            ("Reason=DependencyNeverSatisfied", "Restarts=0", "lost: it waits for a job"),
        ];
        for (reason, restarts, expected) in rows {
            let pending = ("JobState=CANCELLED", "JobState=PENDING");
            let changes = [pending, ("Reason=None", reason), ("Restarts=0", restarts)];
            check(&Facts::default(), &changes, expected);
        }
    }

    #[test]
    fn the_word_of_the_worker_goes_before_that_of_slurm() {
        let done = Facts { code: Some(0), ..STARTED() };
        for state in ["JobState=CANCELLED", "JobState=RUNNING", "JobState=NODE_FAIL"] {
            check(&done, &[("JobState=CANCELLED", state)], "ended: Some(0)");
        }
        let crashed = Facts { code: Some(134), ..STARTED() };
        check(&crashed, &[("JobState=CANCELLED", "JobState=RUNNING")], "running");
        check(&crashed, &[("JobState=CANCELLED", "JobState=FAILED")], "ended: Some(134)");
        check(&crashed, &[("JobState=CANCELLED", "JobState=OUT_OF_MEMORY")], "lost: it used more");
        let number = Number::parse("17").unwrap();
        let forgotten = judge(&number, &crashed, None);
        assert_eq!(forgotten, Verdict::State(JobState::Ended { exit_code: Some(134) }));
    }

    #[test]
    fn a_worker_that_was_asked_to_stop_has_not_ended_by_itself() {
        let stopped = Facts { code: Some(0), was_stopped: true, ..STARTED() };
        let completed = ("JobState=CANCELLED", "JobState=COMPLETED");
        let minute = ("TimeLimit=UNLIMITED", "TimeLimit=00:01:00");
        check(&stopped, &[completed, minute], "lost: its time limit (00:01:00) was reached");
        check(&stopped, &[completed], "lost: it was asked to stop (COMPLETED)");
        check(&stopped, &[("JobState=CANCELLED", "JobState=PENDING")], "queued: ");
        let failed = Facts { failed: Some("line 1 of `setup` failed".into()), ..STARTED() };
        check(&failed, &[completed], "lost: line 1 of `setup` failed");
    }
}
