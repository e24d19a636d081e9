//! What a step tells while it runs, kept for the report.

use std::sync::{Mutex, PoisonError};

use olive_schemas::footprint::{CurvePoint, LogLine};
use olive_schemas::step::{LogLevel, StepEvent};

/// Points of a curve that are kept at most.
const POINTS: usize = 400;
/// Log lines that are kept at most, the first ones.
const LINES: usize = 1000;

/// Keeps progress with figures and log lines.
#[derive(Default)]
pub(super) struct Recorder(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    curve: Vec<CurvePoint>,
    /// Every how many points one is kept, less one.
    skipped: usize,
    seen: usize,
    last: Option<CurvePoint>,
    log: Vec<LogLine>,
}

impl Recorder {
    /// Takes one event.
    pub(super) fn take(&self, event: &StepEvent) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            StepEvent::Log { level: LogLevel::Debug, .. } | StepEvent::Text { .. } => {}
            StepEvent::Log { level, message } => {
                if kept.log.len() < LINES {
                    kept.log.push(LogLine { level: *level, message: message.clone() });
                }
            }
            StepEvent::Progress { done, figures, .. } if !figures.is_empty() => {
                kept.point(CurvePoint { done: *done, figures: figures.clone() });
            }
            StepEvent::Progress { .. } => {}
        }
    }

    /// The curve and the log so far.
    pub(super) fn parts(&self) -> (Vec<CurvePoint>, Vec<LogLine>) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut curve = kept.curve.clone();
        curve.extend(kept.last.clone());
        (curve, kept.log.clone())
    }

    /// The curve and the log.
    pub(super) fn into_parts(self) -> (Vec<CurvePoint>, Vec<LogLine>) {
        self.parts()
    }
}

impl Kept {
    /// Keeps every point at first; whenever there are too many, every second one goes.
    fn point(&mut self, point: CurvePoint) {
        let is_due = self.seen.is_multiple_of(self.skipped + 1);
        self.seen += 1;
        if !is_due {
            self.last = Some(point);
            return;
        }
        self.last = None;
        self.curve.push(point);
        if self.curve.len() > POINTS {
            let mut index = 0;
            self.curve.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.skipped = 2 * self.skipped + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use olive_schemas::step::StepEvent;

    use super::{POINTS, Recorder};

    fn kept_of(count: u64) -> Vec<u64> {
        let recorder = Recorder::default();
        for done in 1..=count {
            let figures = BTreeMap::from([("loss".to_owned(), 1.0)]);
            recorder.take(&StepEvent::Progress {
                unit: "step".into(),
                done,
                total: count,
                figures,
            });
        }
        recorder.parts().0.into_iter().map(|point| point.done).collect()
    }

    #[test]
    fn short_curves_are_kept_whole() {
        assert_eq!(kept_of(3), [1, 2, 3]);
    }

    #[test]
    fn long_curves_are_thinned_evenly_and_keep_their_ends() {
        let kept = kept_of(10_000);
        assert!(kept.len() <= POINTS + 1 && kept.len() > POINTS / 3, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (Some(&1), Some(&10_000)));
        let steps: Vec<u64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let even = steps[0];
        assert!(steps[..steps.len() - 1].iter().all(|step| *step == even), "{steps:?}");
    }
}
