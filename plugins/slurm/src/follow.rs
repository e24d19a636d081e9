//! What the host asks of a job again and again.
//!
//! The controller of a cluster serves many: it is asked at most every few seconds, and may be away
//! for half an hour. What it said last stands in the job's folder.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use olive_kit_programs::ask;
use olive_plugin_api::{JobState, LogLevel, StepContext};
use serde::{Deserialize, Serialize};

use crate::command::{self, Number};
use crate::error::SlurmError;
use crate::folder::Folder;
use crate::record::{Record, Stage};
use crate::verdict::{Facts, Verdict, by_folder, judge};

/// Time between two questions to the controller, in milliseconds.
const PAUSE_MS: u64 = 3_000;
const PAUSE: Duration = Duration::from_millis(PAUSE_MS);
/// How long the controller may be away, in milliseconds.
const AWAY_MS: u64 = 30 * 60_000;
/// How long a shared disk may keep a result from being seen here, in milliseconds.
const LAG_MS: u64 = 60_000;
const LAG: Duration = Duration::from_millis(LAG_MS);
/// How long a job that is cancelled may take: the 30 s that Slurm gives it, and some.
const END: Duration = Duration::from_mins(1);

/// What the host has heard of a job, in milliseconds since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    /// When it asked.
    asked_ms: u64,
    /// What it learned.
    state: JobState,
    /// Since when the controller says nothing.
    silent_since_ms: Option<u64>,
    /// Since when a result is missing.
    unseen_since_ms: Option<u64>,
}

/// How the job is.
pub(crate) fn poll(
    folder: &Folder,
    number: &Number,
    ctx: &StepContext<'_>,
) -> Result<JobState, SlurmError> {
    let facts = facts(folder);
    if let Some(state) = by_folder(&facts) {
        return Ok(state);
    }
    let now = now_ms();
    let known: Option<Known> =
        folder.get("known").and_then(|text| serde_json::from_str(&text).ok());
    if let Some(known) = &known
        && facts.code.is_none()
        && now < known.asked_ms + PAUSE_MS
    {
        return Ok(known.state.clone());
    }
    let learned = match record(number) {
        Ok(record) => {
            // The folder again: the script may have ended between the two looks.
            let verdict = judge(number, &self::facts(folder), record.as_ref());
            learned(verdict, known.as_ref(), now)
        }
        Err(error @ SlurmError::Silent { .. }) => silence(error, known, now, ctx)?,
        Err(error) => return Err(error),
    };
    let text = serde_json::to_string(&learned).unwrap_or_default();
    folder.put("known", &text)?;
    tell_of_end(folder, &learned.state, ctx);
    Ok(learned.state)
}

/// Ends the job, and waits until it is gone.
pub(crate) fn cancel(folder: &Folder, number: &Number) -> Result<(), SlurmError> {
    command::cancel(number)?;
    if wait(END, || Ok(folder.code().is_some() || is_over(number)?))? {
        return Ok(());
    }
    Err(SlurmError::Stubborn { id: number.id.clone(), seconds: END.as_secs() })
}

/// Ends the job that a host which has died left in `folder`: two would write the same files.
pub(crate) fn end_orphan(folder: &Folder) -> Result<(), SlurmError> {
    if let Some(number) = folder.get("number").and_then(|text| Number::parse(&text)) {
        cancel(folder, &number)?;
    }
    folder.remove()
}

/// Waits until what the node wrote is here, and leaves the folder.
pub(crate) fn collect(folder: &Folder, number: &Number) -> Result<(), SlurmError> {
    // The worker says that it is done before its script has ended.
    wait(LAG, || Ok(folder.code().is_some() || is_over(number)?))?;
    if folder.code() == Some(0) {
        wait(LAG, || Ok(folder.check_files().is_ok()))?;
        folder.check_files()?;
    }
    folder.leave()
}

fn facts(folder: &Folder) -> Facts {
    Facts {
        code: folder.code(),
        has_started: folder.get("started").is_some(),
        was_stopped: folder.get("stopped").is_some(),
        failed: folder.get("failed"),
        log: folder.get("slurm").unwrap_or_default(),
    }
}

/// What Slurm knows; who cancelled a job is known to its accounting alone.
fn record(number: &Number) -> Result<Option<Record>, SlurmError> {
    let record = command::record(number)?;
    Ok(record.map(|record| match record.state.as_str() {
        "CANCELLED" => Record {
            cancelled_by: command::accounted(number).and_then(|known| known.cancelled_by),
            ..record
        },
        _ => record,
    }))
}

fn is_over(number: &Number) -> Result<bool, SlurmError> {
    Ok(command::record(number)?.is_none_or(|record| record.stage() == Stage::Over))
}

fn learned(verdict: Verdict, known: Option<&Known>, now: u64) -> Known {
    let (state, unseen_since_ms) = match verdict {
        Verdict::State(state) => (state, None),
        Verdict::Unseen => {
            let since = known.and_then(|known| known.unseen_since_ms).unwrap_or(now);
            let is_late = now > since + LAG_MS;
            let reason = "it ended, and its result is not seen in `work_dir`".into();
            let state = if is_late { JobState::Lost { reason } } else { JobState::Running };
            (state, Some(since))
        }
    };
    Known { asked_ms: now, state, silent_since_ms: None, unseen_since_ms }
}

/// What was known before, for as long as the controller may be away.
fn silence(
    error: SlurmError,
    known: Option<Known>,
    now: u64,
    ctx: &StepContext<'_>,
) -> Result<Known, SlurmError> {
    let Some(known) = known else { return Err(error) };
    let since = known.silent_since_ms.unwrap_or(now);
    if now > since + AWAY_MS {
        return Err(error);
    }
    if known.silent_since_ms.is_none() {
        ctx.log(LogLevel::Warning, format!("{error}; the job goes on"));
    }
    // The question itself has taken its time.
    Ok(Known { asked_ms: now_ms(), silent_since_ms: Some(since), ..known })
}

/// What a job has complained of, when it ended badly: its folder goes with the step.
fn tell_of_end(folder: &Folder, state: &JobState, ctx: &StepContext<'_>) {
    match state {
        JobState::Ended { exit_code: Some(0) } | JobState::Queued { .. } | JobState::Running => {}
        JobState::Ended { .. } | JobState::Lost { .. } => {
            for line in folder.complaints() {
                ctx.log(LogLevel::Warning, line);
            }
        }
    }
}

/// Looks until `is_done`, for at most `limit`; says whether it is.
pub(crate) fn wait(
    limit: Duration,
    is_done: impl FnMut() -> Result<bool, SlurmError>,
) -> Result<bool, SlurmError> {
    ask::wait(limit, PAUSE, is_done)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
