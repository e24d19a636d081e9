//! Goals in words.

use olive_schemas::footprint::Footprint;
use olive_schemas::goal::GoalOutcome;

use super::figures::Unit;

/// How a goal came out, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalLine {
    /// The figure and its model.
    pub subject: String,
    /// The figure's value.
    pub value: String,
    /// What was wanted.
    pub wanted: String,
    /// Whether it was reached.
    pub is_met: bool,
}

impl GoalLine {
    /// The whole in one sentence without a final period.
    pub fn sentence(&self) -> String {
        let Self { subject, value, wanted, is_met } = self;
        if *is_met {
            format!("{subject} is {value}, {wanted} is wanted")
        } else {
            format!("{subject} is {value}, but {wanted} is wanted")
        }
    }
}

/// The goals of a run.
pub fn lines(footprint: &Footprint) -> Vec<GoalLine> {
    footprint.goals.iter().map(|outcome| line(footprint, outcome)).collect()
}

fn line(footprint: &Footprint, outcome: &GoalOutcome) -> GoalLine {
    let mut values = footprint.models.iter().flat_map(|model| &model.metrics);
    let unit = values.find(|value| value.key() == outcome.figure).map_or(Unit::Number, Unit::of);
    let show = |figure: f64| unit.show(figure);
    let least = if outcome.higher_is_better { "at least" } else { "at most" };
    let wanted = match (outcome.limit, outcome.baseline) {
        (Some(limit), Some(baseline)) => {
            let goal = outcome.goal;
            let (kind, value) = (goal.kind.name(), goal.value);
            let of = show(baseline);
            format!("{least} {} (`{kind}` {value}, the input model has {of})", show(limit))
        }
        (Some(limit), None) => format!("{least} {}", show(limit)),
        (None, _) => format!("`{}` of an input model that has no figure", outcome.goal.kind.name()),
    };
    GoalLine {
        subject: format!("`{}` of `{}`", outcome.figure, outcome.model),
        value: outcome.value.map_or_else(|| "not measured".to_owned(), show),
        wanted,
        is_met: outcome.is_met(),
    }
}

#[cfg(test)]
mod tests {
    use olive_schemas::goal::{Goal, GoalKind};

    use super::*;
    use crate::report::sample;

    fn sentence(
        kind: GoalKind,
        value: f64,
        baseline: Option<f64>,
        measured: Option<f64>,
    ) -> String {
        let mut footprint = sample::full();
        let goal = Goal { kind, value };
        footprint.goals = vec![GoalOutcome {
            model: "build".into(),
            figure: "tone-exact_match".into(),
            higher_is_better: true,
            goal,
            baseline,
            limit: goal.limit(baseline, true),
            value: measured,
        }];
        lines(&footprint)[0].sentence()
    }

    #[test]
    fn a_goal_names_limit_and_figure_in_the_figures_unit() {
        for (kind, value, baseline, measured, expected) in [
            (
                GoalKind::Threshold,
                0.6,
                None,
                Some(0.65),
                "`tone-exact_match` of `build` is 65.0 %, at least 60.0 % is wanted",
            ),
            (
                GoalKind::MaxDegradation,
                0.05,
                Some(0.65),
                Some(0.55),
                "`tone-exact_match` of `build` is 55.0 %, but at least 60.0 % (`max-degradation` \
                 0.05, the input model has 65.0 %) is wanted",
            ),
            (
                GoalKind::MaxDegradation,
                0.05,
                None,
                None,
                "`tone-exact_match` of `build` is not measured, but `max-degradation` of an input \
                 model that has no figure is wanted",
            ),
        ] {
            assert_eq!(sentence(kind, value, baseline, measured), expected);
        }
    }
}
