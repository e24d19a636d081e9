//! How fast a step goes, and when it will be done.

use std::time::{Duration, Instant};

/// Time that must pass before a rate is trusted.
const LEAST: Duration = Duration::from_millis(500);

/// The pace of one unit of a step, such as its training steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    stage: Option<Stage>,
}

#[derive(Debug, Clone)]
struct Stage {
    unit: String,
    total: u64,
    begun_at: Instant,
    begun_with: u64,
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
            |stage: &&Stage| stage.unit == unit && stage.total == total && stage.begun_with <= done;
        let Some(stage) = self.stage.as_ref().filter(is_same) else {
            self.stage = Some(Stage { unit: unit.into(), total, begun_at: now, begun_with: done });
            return None;
        };
        let passed = now.saturating_duration_since(stage.begun_at);
        let made = done - stage.begun_with;
        if made == 0 || passed < LEAST {
            return None;
        }
        Some(passed.div_f64(made as f64).mul_f64(total.saturating_sub(done) as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_goes_as_the_part_did() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.remaining("step", 1, 11, start), None);
        assert_eq!(pace.remaining("step", 1, 11, after(4)), None);
        assert_eq!(pace.remaining("step", 3, 11, after(4)), Some(Duration::from_secs(16)));
        assert_eq!(pace.remaining("step", 11, 11, after(20)), Some(Duration::ZERO));
        assert_eq!(pace.remaining("batch", 1, 5, after(21)), None);
        assert_eq!(pace.remaining("batch", 0, 5, after(22)), None);
    }
}
