//! What a step tells while it runs: progress that makes sense, and not too much of anything.

use std::collections::BTreeMap;

use olive_schemas::step::{StepEvent, StepKind};
use serde_json::Value;

use super::report::{Finding, counted, failed, skipped, unless_any};
use super::trial::Trial;

/// Log lines of one step.
const LOG_LINES: usize = 1000;
/// Bytes of all log lines of one step.
const LOG_BYTES: usize = 256 << 10;
/// Events of one step.
const EVENTS: usize = 10_000;

/// Whether progress goes forward, and never past its end.
///
/// A unit may be counted again from the start once it was counted to its end, or with another
/// total; a step may also be done before.
pub(super) fn progress(events: &[StepEvent]) -> Finding {
    let mut units: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut count = 0;
    for event in events {
        let StepEvent::Progress { unit, done, total, .. } = event else { continue };
        count += 1;
        if unit.trim().is_empty() {
            return failed("progress has no unit");
        }
        if done > total {
            return failed(format!("{done} of {total} `{unit}` are done"));
        }
        let before = units.insert(unit, (*done, *total));
        if let Some((last, of)) = before
            && of == *total
            && last != of
            && *done < last
        {
            return failed(format!("`{unit}` went back from {last} to {done} of {total}"));
        }
    }
    if count == 0 {
        return skipped("it told no progress");
    }
    let names = units.keys().copied().collect::<Vec<_>>().join("`, `");
    Ok(format!("{}, of `{names}`", counted(count, "time")))
}

/// Whether a step tells an amount that people and programs can take.
pub(super) fn volume(events: &[StepEvent]) -> Finding {
    let mut lines = 0;
    let mut bytes = 0;
    for event in events {
        if let StepEvent::Log { message, .. } = event {
            lines += 1;
            bytes += message.len();
        }
    }
    let mut problems = Vec::new();
    for (count, limit, what) in [
        (lines, LOG_LINES, "log lines"),
        (bytes, LOG_BYTES, "bytes of log lines"),
        (events.len(), EVENTS, "events"),
    ] {
        if count > limit {
            problems.push(format!("{count} {what}; {limit} are sane"));
        }
    }
    let fine = format!("{}, {}", counted(events.len(), "event"), counted(lines, "log line"));
    unless_any(problems, fine)
}

/// Whether the pieces of generated text make the whole.
pub(super) fn text(trial: &Trial) -> Option<Finding> {
    if trial.request.kind != StepKind::Generate {
        return None;
    }
    let whole = trial.result.as_ref().ok()?.get("value").and_then(Value::as_str)?;
    let piece = |event: &StepEvent| match event {
        StepEvent::Text { text } => Some(text.clone()),
        StepEvent::Log { .. } | StepEvent::Progress { .. } => None,
    };
    let pieces: String = trial.events.iter().filter_map(piece).collect();
    Some(if pieces == whole {
        Ok(counted(whole.chars().count(), "letter"))
    } else {
        failed(format!("the pieces make {pieces:?}, the answer is {whole:?}"))
    })
}

#[cfg(test)]
mod tests {
    use olive_schemas::step::{LogLevel, StepEvent};

    use super::{BTreeMap, progress, volume};
    use crate::conformance::report::{Finding, Objection};

    fn told(counts: &[(&str, u64, u64)]) -> Vec<StepEvent> {
        let event = |&(unit, done, total): &(&str, u64, u64)| StepEvent::Progress {
            unit: unit.to_owned(),
            done,
            total,
            figures: BTreeMap::default(),
        };
        counts.iter().map(event).collect()
    }

    #[track_caller]
    fn check(finding: Finding, expected: &str) {
        let (Ok(text) | Err(Objection::Failed(text) | Objection::Skipped(text))) = finding;
        assert_eq!(text, expected);
    }

    #[test]
    fn progress_goes_forward_to_its_end() {
        check(progress(&told(&[("a", 1, 2), ("b", 1, 1), ("a", 2, 2)])), "3 times, of `a`, `b`");
        check(progress(&told(&[("a", 2, 2), ("a", 1, 2), ("a", 2, 2)])), "3 times, of `a`");
        check(progress(&[]), "it told no progress");
        check(progress(&told(&[("a", 3, 2)])), "3 of 2 `a` are done");
        check(progress(&told(&[("a", 2, 3), ("a", 1, 3)])), "`a` went back from 2 to 1 of 3");
        check(progress(&told(&[("", 1, 1)])), "progress has no unit");
    }

    #[test]
    fn floods_are_counted() {
        let log = || StepEvent::Log { level: LogLevel::Info, message: "line".into() };
        check(volume(&[log()]), "1 event, 1 log line");
        let many: Vec<_> = std::iter::repeat_with(log).take(1001).collect();
        check(volume(&many), "1001 log lines; 1000 are sane");
    }
}
