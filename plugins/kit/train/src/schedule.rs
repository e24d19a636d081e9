//! Learning rates over the steps, by the formulas of transformers' `optimization.py`.

use std::f64::consts::PI;

/// Rate of every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Course of the rate.
    pub kind: ScheduleKind,
    /// Largest rate.
    pub learning_rate: f64,
    /// Steps over which the rate rises from 0; [`ScheduleKind::Constant`] has none.
    pub warmup_steps: usize,
    /// Steps of the whole training.
    pub total_steps: usize,
}

/// Course of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleKind {
    /// The same rate for every step, without warm-up.
    Constant,
    /// The same rate after the warm-up.
    ConstantWithWarmup,
    /// Down to 0 in a line after the warm-up.
    Linear,
    /// Down to 0 in half a cosine after the warm-up.
    Cosine,
}

impl Schedule {
    /// Rate of a step; steps count from 0.
    pub fn rate(&self, step: usize) -> f64 {
        self.learning_rate * self.factor(step)
    }

    fn factor(&self, step: usize) -> f64 {
        if self.kind != ScheduleKind::Constant && step < self.warmup_steps {
            return step as f64 / self.warmup_steps as f64;
        }
        match self.kind {
            ScheduleKind::Constant | ScheduleKind::ConstantWithWarmup => 1.0,
            ScheduleKind::Linear => 1.0 - self.progress(step),
            ScheduleKind::Cosine => 0.5 * (1.0 + (PI * self.progress(step)).cos()),
        }
    }

    /// Share of the steps after the warm-up that are done, at most 1.
    fn progress(&self, step: usize) -> f64 {
        let all = self.total_steps.saturating_sub(self.warmup_steps).max(1);
        (step.saturating_sub(self.warmup_steps) as f64 / all as f64).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest difference of a rate: formulas in another order of f64 operations.
    const CLOSE: f64 = 1e-12;

    fn check_rates(kind: ScheduleKind, warmup_steps: usize, expected: [f64; 7]) {
        let schedule = Schedule { kind, learning_rate: 2.0, warmup_steps, total_steps: 6 };
        for (step, expected) in expected.into_iter().enumerate() {
            let rate = schedule.rate(step);
            assert!((rate - expected).abs() < CLOSE, "{kind:?} step {step}: {rate} {expected}");
        }
    }

    #[test]
    fn rates_follow_the_formulas() {
        let (half, third) = (3.0_f64.sqrt() / 2.0, 2.0 / 3.0);
        let flat = [2.0; 7];
        check_rates(ScheduleKind::Constant, 2, flat);
        check_rates(ScheduleKind::ConstantWithWarmup, 2, [0.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0]);
        check_rates(ScheduleKind::ConstantWithWarmup, 0, flat);
        check_rates(ScheduleKind::Linear, 2, [0.0, 1.0, 2.0, 1.5, 1.0, 0.5, 0.0]);
        let line = [2.0, 2.0 - third / 2.0, 2.0 - third, 1.0, third, third / 2.0, 0.0];
        check_rates(ScheduleKind::Linear, 0, line);
        check_rates(ScheduleKind::Cosine, 0, [2.0, 1.0 + half, 1.5, 1.0, 0.5, 1.0 - half, 0.0]);
        let slope = 0.5_f64.sqrt();
        check_rates(ScheduleKind::Cosine, 2, [0.0, 1.0, 2.0, 1.0 + slope, 1.0, 1.0 - slope, 0.0]);
    }

    #[test]
    fn a_warmup_longer_than_the_training_only_rises() {
        check_rates(ScheduleKind::Linear, 8, [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5]);
    }
}
