//! What Slurm says of a job, as text and as facts.

/// What Slurm knows of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// `RUNNING`, `CANCELLED` and their kin.
    pub(crate) state: String,
    /// User id of who cancelled it, where the accounting knows.
    pub(crate) cancelled_by: Option<String>,
    /// Why it waits, or why it failed; `None` is a reason too.
    pub(crate) reason: String,
    /// Exit code and signal of its script, such as `0:9`.
    pub(crate) exit: String,
    /// Where it runs or ran.
    pub(crate) node: Option<String>,
    /// How often it was requeued.
    pub(crate) num_restarts: u32,
    /// How long it has run, in seconds.
    pub(crate) run_seconds: u64,
    /// How long it may run, such as `02:00:00`.
    pub(crate) time_limit: String,
    /// Memory it may use on a node or a processor, such as `16G`.
    pub(crate) memory: Option<String>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits for its turn.
    Waiting,
    /// It is started, runs, or is being cleaned up.
    Active,
    /// Nothing more will come.
    Over,
}

impl Record {
    /// Reads what `scontrol show job -o` prints.
    pub(crate) fn of_scontrol(text: &str) -> Option<Self> {
        let line = text.lines().next()?;
        // Values that people choose (`JobName` is a word of ours) may hold blanks and `=`; they
        // stand after the fields that are asked for, but for `Reason` of a node.
        let field = |name: &str| {
            let found = line.split(' ').filter_map(|word| word.split_once('='));
            found.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
        };
        let known = |name| field(name).filter(|value| !value.is_empty() && value != "(null)");
        let memory = known("MinMemoryNode").or_else(|| known("MinMemoryCPU"));
        Some(Self {
            state: field("JobState")?,
            cancelled_by: None,
            reason: field("Reason")?,
            exit: field("ExitCode").unwrap_or_default(),
            node: known("BatchHost").or_else(|| known("NodeList")),
            num_restarts: field("Restarts").and_then(|count| count.parse().ok()).unwrap_or(0),
            run_seconds: field("RunTime").and_then(|time| seconds(&time)).unwrap_or(0),
            time_limit: field("TimeLimit").unwrap_or_default(),
            memory: memory.filter(|size| size != "0"),
        })
    }

    /// Reads the line `State|ExitCode|NodeList` of `sacct`.
    pub(crate) fn of_sacct(text: &str) -> Option<Self> {
        let mut fields = text.lines().next()?.split('|');
        let state = fields.next().filter(|state| !state.is_empty())?;
        let exit = fields.next()?.to_owned();
        let node = fields.next().filter(|node| !node.is_empty() && *node != "None assigned");
        let (state, by) = match state.split_once(" by ") {
            Some((state, by)) => (state, Some(by.to_owned())),
            None => (state, None),
        };
        Some(Self {
            state: state.to_owned(),
            cancelled_by: by,
            reason: "None".into(),
            exit,
            node: node.map(str::to_owned),
            num_restarts: 0,
            run_seconds: 0,
            time_limit: String::new(),
            memory: None,
        })
    }

    /// How far it is.
    pub(crate) fn stage(&self) -> Stage {
        match self.state.as_str() {
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "RESV_DEL_HOLD"
            | "SPECIAL_EXIT" => Stage::Waiting,
            "BOOT_FAIL" | "CANCELLED" | "COMPLETED" | "DEADLINE" | "FAILED" | "NODE_FAIL"
            | "OUT_OF_MEMORY" | "PREEMPTED" | "REVOKED" | "TIMEOUT" => Stage::Over,
            // Being configured, resized, suspended, signaled, staged out: all are under way.
            _ => Stage::Active,
        }
    }

    /// Whether `seconds` more would have reached the time limit.
    pub(crate) fn is_near_limit(&self, more_seconds: u64) -> bool {
        seconds(&self.time_limit).is_some_and(|limit| self.run_seconds + more_seconds >= limit)
    }
}

/// Seconds of `[days-]hours:minutes:seconds`; none for `UNLIMITED`.
fn seconds(text: &str) -> Option<u64> {
    let (days, time) = match text.split_once('-') {
        Some((days, time)) => (days.parse().ok()?, time),
        None => (0, text),
    };
    let parts: Vec<u64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts.try_into().ok()?;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Record, Stage, seconds};

    /// What Slurm 22.05 printed of a job that was cancelled while it ran.
    pub(crate) const CANCELLED: &str = "\
JobId=4 JobName=a.sh UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=4294901756 Nice=0 \
Account=(null) QOS=(null) JobState=CANCELLED Reason=None Dependency=(null) Requeue=1 Restarts=0 \
BatchFlag=1 Reboot=0 ExitCode=0:15 RunTime=00:00:02 TimeLimit=UNLIMITED TimeMin=N/A \
SubmitTime=2026-11-27T12:32:18 EligibleTime=2026-11-27T12:32:18 AccrueTime=2026-11-27T12:32:18 \
StartTime=2026-11-27T12:32:18 EndTime=2026-11-27T12:32:20 Deadline=N/A SuspendTime=None \
SecsPreSuspend=0 LastSchedEval=2026-11-27T12:32:18 Scheduler=Main Partition=main \
AllocNode:Sid=localhost:27183 ReqNodeList=(null) ExcNodeList=(null) NodeList=n1 BatchHost=n1 \
NumNodes=1 NumCPUs=1 NumTasks=1 CPUs/Task=1 ReqB:S:C:T=0:0:*:* \
TRES=cpu=1,mem=256M,node=1,billing=1 Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=* \
MinCPUsNode=1 MinMemoryCPU=256M MinTmpDiskNode=0 Features=(null) DelayBoot=00:00:00 \
OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null) Command=/tmp/kx/a.sh \
WorkDir=/tmp/kx StdErr=/tmp/kx/a.out StdIn=/dev/null StdOut=/tmp/kx/a.out Power= ";

    /// What it printed of a job that waited.
    const PENDING: &str = "\
JobId=5 JobName=wrap UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=4294901755 Nice=0 \
Account=(null) QOS=(null) JobState=PENDING Reason=Resources Dependency=(null) Requeue=1 Restarts=1 \
BatchFlag=1 Reboot=0 ExitCode=0:0 RunTime=00:00:00 TimeLimit=00:30:00 TimeMin=N/A \
SubmitTime=2026-11-27T12:34:07 EligibleTime=2026-11-27T12:34:07 AccrueTime=2026-11-27T12:34:07 \
StartTime=2026-11-27T12:35:08 EndTime=2026-11-27T13:05:08 Deadline=N/A SuspendTime=None \
SecsPreSuspend=0 LastSchedEval=2026-11-27T12:34:08 Scheduler=Main Partition=main \
AllocNode:Sid=localhost:27183 ReqNodeList=(null) ExcNodeList=(null) NodeList= SchedNodeList=n1 \
NumNodes=1 NumCPUs=2 NumTasks=1 CPUs/Task=2 ReqB:S:C:T=0:0:*:* MinMemoryNode=50M";

    #[test]
    fn a_line_of_scontrol_becomes_a_record() {
        let cancelled = Record::of_scontrol(CANCELLED).unwrap();
        assert_eq!(
            cancelled,
            Record {
                state: "CANCELLED".into(),
                cancelled_by: None,
                reason: "None".into(),
                exit: "0:15".into(),
                node: Some("n1".into()),
                num_restarts: 0,
                run_seconds: 2,
                time_limit: "UNLIMITED".into(),
                memory: Some("256M".into()),
            }
        );
        assert_eq!(cancelled.stage(), Stage::Over);
        assert!(!cancelled.is_near_limit(3600));
        let pending = Record::of_scontrol(PENDING).unwrap();
        assert_eq!((pending.stage(), pending.node.as_deref()), (Stage::Waiting, None));
        assert_eq!((pending.reason.as_str(), pending.num_restarts), ("Resources", 1));
        assert_eq!(pending.memory.as_deref(), Some("50M"));
        assert!(pending.is_near_limit(1800) && !pending.is_near_limit(1799));
        assert_eq!(Record::of_scontrol("No jobs in the system"), None);
    }

    #[test]
    fn a_line_of_sacct_becomes_a_record() {
        let rows = [
            ("CANCELLED by 1000|0:0|n1\n", "CANCELLED", Some("1000"), Some("n1")),
            ("TIMEOUT|0:0|n2\n", "TIMEOUT", None, Some("n2")),
            ("PENDING|0:0|None assigned\n", "PENDING", None, None),
        ];
        for (text, state, by, node) in rows {
            let record = Record::of_sacct(text).unwrap();
            assert_eq!(record.state, state);
            assert_eq!((record.cancelled_by.as_deref(), record.node.as_deref()), (by, node));
        }
        assert_eq!(Record::of_sacct(""), None);
    }

    #[test]
    fn times_are_read_in_seconds() {
        let rows = [
            ("00:00:02", Some(2)),
            ("02:30:00", Some(9000)),
            ("1-00:00:01", Some(86401)),
            ("UNLIMITED", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
