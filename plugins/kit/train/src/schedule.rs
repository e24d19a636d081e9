//! Learning rates over the steps, by the formulas of transformers' `optimization.py`.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::plateau::PlateauSettings;

/// Rate of every step, as far as it follows from the step alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Course of the rate.
    pub kind: ScheduleKind,
    /// Largest rate.
    pub learning_rate: f64,
    /// Steps over which the rate rises; [`ScheduleKind::Constant`] and
    /// [`ScheduleKind::ReduceOnPlateau`] have none.
    pub warmup_steps: usize,
    /// Steps of the whole training.
    pub total_steps: usize,
}

/// Course of a rate; a rise from 0 comes first unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// The same rate for every step, without warm-up.
    Constant,
    /// The same rate after the warm-up.
    ConstantWithWarmup,
    /// Down to 0 in a line.
    Linear,
    /// Along a cosine: Loshchilov and Hutter, "SGDR" (2017).
    Cosine {
        /// Waves; with one half it only falls.
        num_cycles: f64,
    },
    /// Down to 0 in half a cosine, several times.
    CosineWithRestarts {
        /// How many times.
        num_cycles: f64,
    },
    /// Down to `lr_end` by a power of the steps left.
    Polynomial {
        /// Rate of the last step; below the largest one.
        lr_end: f64,
        /// The power.
        power: f64,
    },
    /// Down by the root of the steps.
    InverseSqrt {
        /// Steps after which the fall begins to count; the warm-up's, or 10 000 without one, when
        /// `None`.
        timescale: Option<f64>,
    },
    /// [`ScheduleKind::Cosine`] that ends above 0.
    CosineWithMinLr {
        /// Waves.
        num_cycles: f64,
        /// Smallest rate.
        min_lr: MinLr,
    },
    /// The same with a rise that does not start at 0, one step ahead.
    CosineWarmupWithMinLr {
        /// Waves.
        num_cycles: f64,
        /// Smallest rate.
        min_lr: MinLr,
        /// Share of the largest rate that the rise starts at; one step's part of it when `None`.
        warmup_lr_rate: Option<f64>,
    },
    /// Up, level, down: Hu et al., "`MiniCPM`" (2024).
    WarmupStableDecay {
        /// Steps of the fall.
        num_decay_steps: usize,
        /// Steps at the largest rate; those that are left when `None`.
        num_stable_steps: Option<usize>,
        /// Course of the rise.
        warmup: Ramp,
        /// Course of the fall.
        decay: Ramp,
        /// Smallest rate as a share of the largest.
        min_lr_ratio: f64,
        /// Waves of a fall along a cosine.
        num_cycles: f64,
    },
    /// Down by a factor when the evaluation loss gets no better, without warm-up.
    ReduceOnPlateau(PlateauSettings),
}

/// Smallest rate of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MinLr {
    /// The rate itself.
    Rate(f64),
    /// A share of the largest rate.
    Share(f64),
}

/// Course of a rise or fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ramp {
    /// A line.
    Linear,
    /// Half a cosine.
    Cosine,
    /// One less a root.
    OneMinusSqrt,
}

impl ScheduleKind {
    /// Half a cosine down to 0.
    pub const COSINE: Self = Self::Cosine { num_cycles: 0.5 };

    /// Settings that do not go together, in a sentence; those transformers or torch refuses.
    pub(crate) fn problem(&self, learning_rate: f64) -> Option<String> {
        match self {
            Self::Polynomial { lr_end, .. } if *lr_end >= learning_rate => {
                Some(format!("`lr_end` {lr_end} is not below the learning rate {learning_rate}"))
            }
            Self::ReduceOnPlateau(plateau) if plateau.factor >= 1.0 => {
                Some(format!("a plateau's factor of {} is not below 1", plateau.factor))
            }
            _ => None,
        }
    }
}

impl MinLr {
    fn share(self, learning_rate: f64) -> f64 {
        match self {
            Self::Rate(rate) => rate / learning_rate,
            Self::Share(share) => share,
        }
    }
}

impl Schedule {
    /// Rate of a step; steps count from 0.
    pub fn rate(&self, step: usize) -> f64 {
        self.learning_rate * self.factor(step)
    }

    fn factor(&self, step: usize) -> f64 {
        if step < self.warmup_steps && self.warms_up() {
            return self.rise(step);
        }
        match self.kind {
            ScheduleKind::Constant
            | ScheduleKind::ConstantWithWarmup
            | ScheduleKind::ReduceOnPlateau(_) => 1.0,
            ScheduleKind::Linear => {
                let left = self.total_steps.saturating_sub(step);
                left as f64 / self.steps_after_warmup()
            }
            ScheduleKind::Cosine { num_cycles } => wave(num_cycles, self.progress(step)).max(0.0),
            ScheduleKind::CosineWithRestarts { num_cycles } => {
                let progress = self.progress(step);
                let part = (num_cycles * progress).rem_euclid(1.0);
                if progress >= 1.0 { 0.0 } else { wave(0.5, part).max(0.0) }
            }
            ScheduleKind::Polynomial { lr_end, power } => self.polynomial(step, lr_end, power),
            ScheduleKind::InverseSqrt { timescale } => self.inverse_sqrt(step, timescale),
            ScheduleKind::CosineWithMinLr { num_cycles, min_lr } => {
                let least = min_lr.share(self.learning_rate);
                above(least, wave(num_cycles, self.progress(step)))
            }
            ScheduleKind::CosineWarmupWithMinLr { num_cycles, min_lr, .. } => {
                let least = min_lr.share(self.learning_rate);
                above(least, wave(num_cycles, self.progress(step + 1)))
            }
            ScheduleKind::WarmupStableDecay { .. } => self.stable_then_decay(step),
        }
    }

    fn warms_up(&self) -> bool {
        !matches!(self.kind, ScheduleKind::Constant | ScheduleKind::ReduceOnPlateau(_))
    }

    fn rise(&self, step: usize) -> f64 {
        let (done, all) = (step as f64, self.warmup_steps as f64);
        match self.kind {
            ScheduleKind::CosineWarmupWithMinLr { warmup_lr_rate: None, .. } => (done + 1.0) / all,
            ScheduleKind::CosineWarmupWithMinLr { warmup_lr_rate: Some(start), .. } => {
                start + (1.0 - start) * done / (all - 1.0).max(1.0)
            }
            ScheduleKind::WarmupStableDecay { warmup, min_lr_ratio, .. } => {
                let progress = done / all;
                let factor = match warmup {
                    Ramp::Linear => progress,
                    Ramp::Cosine => 0.5 * (1.0 - (PI * progress).cos()),
                    Ramp::OneMinusSqrt => 1.0 - (1.0 - progress).sqrt(),
                };
                above(min_lr_ratio, factor)
            }
            _ => done / all,
        }
    }

    fn polynomial(&self, step: usize, lr_end: f64, power: f64) -> f64 {
        if step > self.total_steps {
            return lr_end / self.learning_rate;
        }
        let left = 1.0 - self.progress(step);
        ((self.learning_rate - lr_end) * left.powf(power) + lr_end) / self.learning_rate
    }

    fn inverse_sqrt(&self, step: usize, timescale: Option<f64>) -> f64 {
        let warmup = self.warmup_steps as f64;
        let default = if self.warmup_steps == 0 { 10_000.0 } else { warmup };
        let timescale = timescale.unwrap_or(default);
        ((step as f64 + timescale - warmup) / timescale).sqrt().recip()
    }

    fn stable_then_decay(&self, step: usize) -> f64 {
        let ScheduleKind::WarmupStableDecay {
            num_decay_steps,
            num_stable_steps,
            decay,
            min_lr_ratio,
            num_cycles,
            ..
        } = self.kind
        else {
            return 1.0;
        };
        let rest = self.total_steps.saturating_sub(self.warmup_steps + num_decay_steps);
        let decay_start = self.warmup_steps + num_stable_steps.unwrap_or(rest);
        if step < decay_start {
            return 1.0;
        }
        if step >= decay_start + num_decay_steps {
            return min_lr_ratio;
        }
        let progress = (step - decay_start) as f64 / num_decay_steps.max(1) as f64;
        let factor = match decay {
            Ramp::Linear => 1.0 - progress,
            Ramp::Cosine => wave(num_cycles, progress),
            Ramp::OneMinusSqrt => 1.0 - progress.sqrt(),
        };
        above(min_lr_ratio, factor)
    }

    /// Share of the steps after the warm-up that are done.
    fn progress(&self, step: usize) -> f64 {
        step.saturating_sub(self.warmup_steps) as f64 / self.steps_after_warmup()
    }

    /// At least 1.
    fn steps_after_warmup(&self) -> f64 {
        self.total_steps.saturating_sub(self.warmup_steps).max(1) as f64
    }
}

/// Height of a cosine between 0 and 1 that starts at 1.
fn wave(num_cycles: f64, progress: f64) -> f64 {
    0.5 * (1.0 + (PI * num_cycles * 2.0 * progress).cos())
}

/// A factor between 0 and 1 lifted to one between `least` and 1.
fn above(least: f64, factor: f64) -> f64 {
    (factor * (1.0 - least) + least).max(0.0)
}
