//! Goals: what a figure must reach for a model to be taken.
//!
//! ```
//! use olive_schemas::goal::{Goal, GoalKind};
//!
//! let goal: Goal = serde_json::from_str(r#"{"type": "max-degradation", "value": 0.03}"#).unwrap();
//! assert!(goal.kind.needs_baseline());
//! // An accuracy may fall from 0.88 to 0.85, a perplexity may rise from 2.00 to 2.03.
//! assert_eq!(goal.limit(Some(0.88), true), Some(0.85));
//! assert_eq!(goal.limit(Some(2.0), false), Some(2.03));
//! assert_eq!(goal.limit(None, true), None);
//! assert_eq!(Goal { kind: GoalKind::Threshold, value: 0.8 }.limit(None, true), Some(0.8));
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a figure must reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// What the value is measured from.
    #[serde(rename = "type")]
    pub kind: GoalKind,
    /// A figure, a difference to the input model's, or a percentage of it; in the metric's unit.
    pub value: f64,
}

/// What a goal is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GoalKind {
    /// The figure itself: at least the value where more is better, at most it where less is.
    Threshold,
    /// Better than the input model by the value.
    MinImprovement,
    /// Worse than the input model by the value at most.
    MaxDegradation,
    /// Better than the input model by that percentage of its figure.
    PercentMinImprovement,
    /// Worse than the input model by that percentage of its figure at most.
    PercentMaxDegradation,
}

impl GoalKind {
    /// Whether the input model must be measured to know the limit.
    pub const fn needs_baseline(self) -> bool {
        !matches!(self, Self::Threshold)
    }

    /// The name a config uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::MinImprovement => "min-improvement",
            Self::MaxDegradation => "max-degradation",
            Self::PercentMinImprovement => "percent-min-improvement",
            Self::PercentMaxDegradation => "percent-max-degradation",
        }
    }

    /// Largest value that makes sense: nothing loses more than all.
    pub const fn largest(self) -> f64 {
        match self {
            Self::PercentMaxDegradation => 100.0,
            _ => f64::INFINITY,
        }
    }

    /// Smallest value that makes sense.
    pub const fn smallest(self) -> f64 {
        match self {
            Self::Threshold => f64::NEG_INFINITY,
            _ => 0.0,
        }
    }
}

impl Goal {
    /// The worst figure that meets the goal, where the input model has the figure `baseline`; none
    /// when that is needed and missing, or no number.
    pub fn limit(&self, baseline: Option<f64>, is_higher_better: bool) -> Option<f64> {
        let better = if is_higher_better { 1.0 } else { -1.0 };
        let step = match self.kind {
            GoalKind::Threshold => return Some(self.value),
            GoalKind::MinImprovement | GoalKind::PercentMinImprovement => better * self.value,
            GoalKind::MaxDegradation | GoalKind::PercentMaxDegradation => -better * self.value,
        };
        let baseline = baseline.filter(|figure| figure.is_finite())?;
        Some(match self.kind {
            GoalKind::PercentMinImprovement | GoalKind::PercentMaxDegradation => {
                baseline + baseline.abs() * step / 100.0
            }
            _ => baseline + step,
        })
    }
}

/// How a goal came out for one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoalOutcome {
    /// The model, as people call it.
    pub model: String,
    /// The figure, `<metric>-<sub-metric>`.
    pub figure: String,
    /// Which direction is better.
    pub higher_is_better: bool,
    /// What was wanted.
    pub goal: Goal,
    /// The input model's figure, where the goal is measured from it.
    pub baseline: Option<f64>,
    /// The worst figure that meets the goal.
    pub limit: Option<f64>,
    /// The model's figure; none when it was not measured.
    pub value: Option<f64>,
}

impl GoalOutcome {
    /// Room for the rounding of differences.
    const ROUNDING: f64 = 1e-9;

    /// Whether the model meets the goal; a figure that is missing or no number meets none.
    pub fn is_met(&self) -> bool {
        self.lack() == Some(0.0)
    }

    /// How much the figure is short of the limit, 0 when it is not; none when either is unknown.
    pub fn lack(&self) -> Option<f64> {
        let (limit, value) = (self.limit?, self.value.filter(|value| !value.is_nan())?);
        let short = if self.higher_is_better { limit - value } else { value - limit };
        let room = Self::ROUNDING * limit.abs().max(1.0);
        Some(if short > room { short } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(kind: GoalKind, value: f64, baseline: f64, is_higher_better: bool) -> f64 {
        Goal { kind, value }.limit(Some(baseline), is_higher_better).unwrap()
    }

    #[test]
    fn limits_follow_the_direction_of_the_figure() {
        use GoalKind::{
            MaxDegradation, MinImprovement, PercentMaxDegradation, PercentMinImprovement,
        };
        for (kind, value, up, down) in [
            (MinImprovement, 2.0, 12.0, 8.0),
            (MaxDegradation, 2.0, 8.0, 12.0),
            (PercentMinImprovement, 50.0, 15.0, 5.0),
            (PercentMaxDegradation, 50.0, 5.0, 15.0),
        ] {
            assert_eq!(
                (limit(kind, value, 10.0, true), limit(kind, value, 10.0, false)),
                (up, down)
            );
        }
        // A log-likelihood is below zero: half as good is further away from it.
        let limit = Goal { kind: PercentMaxDegradation, value: 50.0 }.limit(Some(-10.0), true);
        assert_eq!(limit, Some(-15.0));
    }

    #[test]
    fn a_figure_that_is_missing_meets_no_goal() {
        let goal = Goal { kind: GoalKind::Threshold, value: 1.0 };
        let outcome = |value, limit, higher_is_better| {
            let (model, figure) = ("build".to_owned(), "a-b".to_owned());
            GoalOutcome { model, figure, higher_is_better, goal, baseline: None, limit, value }
        };
        for (value, limit, higher_is_better, lack) in [
            (None, Some(1.0), false, None),
            (Some(0.5), None, false, None),
            (Some(f64::NAN), Some(1.0), false, None),
            (Some(1.0), Some(1.0), true, Some(0.0)),
            (Some(0.75), Some(1.0), true, Some(0.25)),
            (Some(0.75), Some(1.0), false, Some(0.0)),
            (Some(f64::INFINITY), Some(1.0), true, Some(0.0)),
        ] {
            let outcome = outcome(value, limit, higher_is_better);
            assert_eq!((outcome.lack(), outcome.is_met()), (lack, lack == Some(0.0)));
        }
    }
}
