//! How fast a step goes, and when it will be done.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Time that must pass before a pace is trusted.
const LEAST: Duration = Duration::from_millis(500);
/// Looks that decide; older ones are forgotten.
const LOOKS: usize = 64;

/// The pace of one unit of a step, such as its training steps.
///
/// What decides is the median time of the last units: a pause for an evaluation or a machine that
/// was busy for a moment does not change it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    stage: Option<Stage>,
}

#[derive(Debug, Clone)]
struct Stage {
    unit: String,
    total: u64,
    begun_at: Instant,
    last: (u64, Instant),
    /// Seconds a unit took, look by look.
    times: VecDeque<f64>,
}

impl Pace {
    /// Time left at `now` with `done` of `total` units done; starts over when the unit changes.
    pub(super) fn remaining(
        &mut self,
        unit: &str,
        done: u64,
        total: u64,
        now: Instant,
    ) -> Option<Duration> {
        let is_same =
            |stage: &&mut Stage| stage.unit == unit && stage.total == total && stage.last.0 <= done;
        let Some(stage) = self.stage.as_mut().filter(is_same) else {
            let unit = unit.to_owned();
            let times = VecDeque::new();
            self.stage = Some(Stage { unit, total, begun_at: now, last: (done, now), times });
            return None;
        };
        let made = done - stage.last.0;
        if made > 0 {
            let passed = now.saturating_duration_since(stage.last.1);
            stage.times.push_back(passed.as_secs_f64() / made as f64);
            stage.last = (done, now);
        }
        if stage.times.len() > LOOKS {
            stage.times.pop_front();
        }
        if now.saturating_duration_since(stage.begun_at) < LEAST {
            return None;
        }
        let left = median(&stage.times)? * total.saturating_sub(done) as f64;
        Duration::try_from_secs_f64(left).ok()
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &VecDeque<f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    let is_even = sorted.len().is_multiple_of(2);
    Some(if is_even { f64::midpoint(sorted[middle - 1], upper) } else { upper })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_goes_as_the_last_part_did() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.remaining("step", 1, 11, start), None);
        assert_eq!(pace.remaining("step", 1, 11, after(4)), None);
        assert_eq!(pace.remaining("step", 3, 11, after(4)), Some(Duration::from_secs(16)));
        assert_eq!(pace.remaining("step", 11, 11, after(20)), Some(Duration::ZERO));
        assert_eq!(pace.remaining("batch", 1, 5, after(21)), None);
        assert_eq!(pace.remaining("batch", 0, 5, after(22)), None);
    }

    #[test]
    fn a_pause_does_not_change_the_pace() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut at = start;
        for done in 0..20 {
            pace.remaining("step", done, 100, at);
            at += Duration::from_secs(if done == 10 { 600 } else { 2 });
        }
        assert_eq!(pace.remaining("step", 20, 100, at), Some(Duration::from_secs(160)));
    }
}
