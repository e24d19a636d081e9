//! What a step tells while it runs, kept for the report.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use olive_schemas::footprint::{CurvePoint, LogLine};
use olive_schemas::step::{LogLevel, StepEvent};

/// Points of a curve that are kept at most.
const POINTS: usize = 400;
/// Log lines that are kept at most, the first ones.
const LINES: usize = 1000;
/// A figure that comes with fewer than one point of this many is rare.
const RARE: usize = 4;

/// Keeps progress with figures and log lines.
#[derive(Default)]
pub(super) struct Recorder(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// What an attempt that was stopped has told.
    earlier: Vec<CurvePoint>,
    /// Figures that come with nearly every point.
    common: Thinned,
    /// Figures that come now and then, such as an evaluation's: not to be lost among the others.
    rare: Thinned,
    /// How often each figure came.
    counts: BTreeMap<String, usize>,
    seen: usize,
    log: Vec<LogLine>,
}

/// Points, at most [`POINTS`] and the last one.
#[derive(Default)]
struct Thinned {
    /// Each with its number among all that was told.
    points: Vec<(usize, CurvePoint)>,
    /// Every how many points one is kept, less one.
    skipped: usize,
    seen: usize,
    last: Option<(usize, CurvePoint)>,
}

impl Recorder {
    /// Goes on after the curve of an attempt that was stopped; what is told anew replaces its end.
    pub(super) fn go_on(&self, earlier: Vec<CurvePoint>) {
        self.kept().earlier = earlier;
    }

    /// Takes one event.
    pub(super) fn take(&self, event: &StepEvent) {
        let mut kept = self.kept();
        match event {
            StepEvent::Log { level: LogLevel::Debug, .. } | StepEvent::Text { .. } => {}
            StepEvent::Log { level, message } => {
                if kept.log.len() < LINES {
                    kept.log.push(LogLine { level: *level, message: message.clone() });
                }
            }
            StepEvent::Progress { unit, done, figures, .. } if !figures.is_empty() => {
                kept.point(unit, *done, figures);
            }
            StepEvent::Progress { .. } => {}
        }
    }

    /// The curve and the log so far.
    pub(super) fn parts(&self) -> (Vec<CurvePoint>, Vec<LogLine>) {
        let kept = self.kept();
        (kept.curve(), kept.log.clone())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn point(&mut self, unit: &str, done: u64, figures: &BTreeMap<String, f64>) {
        let is_rare =
            |name: &String| self.counts.get(name).copied().unwrap_or_default() * RARE < self.seen;
        let (rare, common): (BTreeMap<_, _>, BTreeMap<_, _>) =
            figures.clone().into_iter().partition(|(name, _)| is_rare(name));
        self.seen += 1;
        for name in figures.keys() {
            *self.counts.entry(name.clone()).or_default() += 1;
        }
        for (thinned, figures) in [(&mut self.common, common), (&mut self.rare, rare)] {
            if !figures.is_empty() {
                thinned.push((self.seen, CurvePoint { unit: unit.to_owned(), done, figures }));
            }
        }
    }

    /// All points, those of the same moment as one.
    fn curve(&self) -> Vec<CurvePoint> {
        let mut points: Vec<&(usize, CurvePoint)> =
            self.common.all().chain(self.rare.all()).collect();
        points.sort_by_key(|(number, _)| *number);
        let points = || points.iter().map(|(_, point)| point);
        let is_told_anew = |earlier: &&CurvePoint| {
            points().any(|point| point.unit == earlier.unit && point.done <= earlier.done)
        };
        let earlier = self.earlier.iter().filter(|point| !is_told_anew(point));
        let mut curve: Vec<CurvePoint> = Vec::new();
        for point in earlier.chain(points()) {
            match curve.last_mut() {
                Some(last) if last.done == point.done && last.unit == point.unit => {
                    last.figures.extend(point.figures.clone());
                }
                _ => curve.push(point.clone()),
            }
        }
        curve
    }
}

impl Thinned {
    /// Keeps every point at first; whenever there are too many, every second one goes.
    fn push(&mut self, point: (usize, CurvePoint)) {
        let is_due = self.seen.is_multiple_of(self.skipped + 1);
        self.seen += 1;
        if !is_due {
            self.last = Some(point);
            return;
        }
        self.last = None;
        self.points.push(point);
        if self.points.len() > POINTS {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.skipped = 2 * self.skipped + 1;
        }
    }

    fn all(&self) -> impl Iterator<Item = &(usize, CurvePoint)> {
        self.points.iter().chain(&self.last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use olive_schemas::footprint::CurvePoint;
    use olive_schemas::step::StepEvent;

    use super::{POINTS, Recorder};

    fn tell(recorder: &Recorder, done: u64, figures: &[(&str, f64)]) {
        let figures = figures.iter().map(|(name, value)| ((*name).to_owned(), *value));
        let figures = figures.collect::<BTreeMap<_, _>>();
        recorder.take(&StepEvent::Progress { unit: "step".into(), done, total: 9, figures });
    }

    fn curve_of(count: u64) -> Vec<CurvePoint> {
        let recorder = Recorder::default();
        for done in 1..=count {
            match done {
                _ if done.is_multiple_of(100) => {
                    tell(&recorder, done, &[("loss", 1.0), ("eval_loss", done as f64)]);
                }
                _ => tell(&recorder, done, &[("loss", 1.0)]),
            }
        }
        recorder.parts().0
    }

    fn places_of(curve: &[CurvePoint], figure: &str) -> Vec<u64> {
        let has = |point: &&CurvePoint| point.figures.contains_key(figure);
        curve.iter().filter(has).map(|point| point.done).collect()
    }

    #[test]
    fn short_curves_are_kept_whole() {
        assert_eq!(places_of(&curve_of(3), "loss"), [1, 2, 3]);
    }

    #[test]
    fn long_curves_are_thinned_evenly_and_keep_their_ends() {
        let kept = places_of(&curve_of(10_000), "loss");
        assert!(kept.len() <= POINTS + 1 && kept.len() > POINTS / 3, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (Some(&1), Some(&10_000)));
        let steps: Vec<u64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let even = steps[0];
        assert!(steps[..steps.len() - 1].iter().all(|step| *step == even), "{steps:?}");
    }

    #[test]
    fn rare_figures_are_not_thinned_with_the_others() {
        let kept = places_of(&curve_of(10_000), "eval_loss");
        assert_eq!(kept, (1..=100).map(|index| index * 100).collect::<Vec<_>>());
    }

    #[test]
    fn a_resumed_curve_goes_on_where_the_new_attempt_begins() {
        let first = Recorder::default();
        (1..=5).for_each(|done| tell(&first, done, &[("loss", 1.0)]));
        let second = Recorder::default();
        second.go_on(first.parts().0);
        assert_eq!(places_of(&second.parts().0, "loss"), [1, 2, 3, 4, 5]);
        (4..=6).for_each(|done| tell(&second, done, &[("loss", 2.0)]));
        let curve = second.parts().0;
        assert_eq!(places_of(&curve, "loss"), [1, 2, 3, 4, 5, 6]);
        let losses: Vec<f64> = curve.iter().map(|point| point.figures["loss"]).collect();
        assert_eq!(losses, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
    }
}
