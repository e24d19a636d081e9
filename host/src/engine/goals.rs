//! How models meet their goals.

use olive_schemas::footprint::ModelRecord;
use olive_schemas::goal::GoalOutcome;

use crate::plan::PlannedGoal;

/// How `goals` came out for the models of a run; those of models that were not made are left out.
pub fn outcomes(goals: &[PlannedGoal], models: &[ModelRecord]) -> Vec<GoalOutcome> {
    let outcome = |planned: &PlannedGoal| {
        let model = models.get(planned.model).filter(|model| model.model.is_some())?;
        let of = |model: &ModelRecord| figure(model, &planned.figure);
        let needs_baseline = planned.goal.kind.needs_baseline();
        let baseline = models.first().filter(|_| needs_baseline).and_then(of);
        Some(GoalOutcome {
            model: planned.of.clone(),
            figure: planned.figure.clone(),
            higher_is_better: planned.higher_is_better,
            goal: planned.goal,
            baseline,
            limit: planned.goal.limit(baseline, planned.higher_is_better),
            value: of(model),
        })
    };
    goals.iter().filter_map(outcome).collect()
}

fn figure(model: &ModelRecord, name: &str) -> Option<f64> {
    let found = model.metrics.iter().find(|value| value.key() == name);
    found.map(|value| value.value)
}

#[cfg(test)]
mod tests {
    use olive_schemas::goal::{Goal, GoalKind};

    use super::*;
    use crate::report::sample;

    fn check(shares: [Option<f64>; 3], kind: GoalKind, value: f64, is_met: Option<bool>) {
        let planned = PlannedGoal {
            model: 2,
            of: "third".into(),
            figure: "tone-exact_match".into(),
            higher_is_better: true,
            goal: Goal { kind, value },
        };
        let models = sample::shares(&shares).models;
        let outcomes = outcomes(&[planned], &models);
        assert_eq!(outcomes.first().map(GoalOutcome::is_met), is_met, "{shares:?} {kind:?}");
    }

    #[test]
    fn goals_are_measured_from_the_input_model() {
        use GoalKind::{MaxDegradation, MinImprovement, Threshold};
        for (shares, kind, value, is_met) in [
            ([Some(0.5), Some(0.9), Some(0.8)], MinImprovement, 0.3, true),
            ([Some(0.5), Some(0.9), Some(0.8)], MinImprovement, 0.31, false),
            ([Some(0.5), None, Some(0.47)], MaxDegradation, 0.03, true),
            ([Some(0.5), None, Some(0.46)], MaxDegradation, 0.03, false),
            ([None, None, Some(0.8)], MaxDegradation, 0.03, false),
            ([None, None, Some(0.8)], Threshold, 0.8, true),
            ([Some(0.9), Some(0.9), None], Threshold, 0.8, false),
        ] {
            check(shares, kind, value, Some(is_met));
        }
    }

    #[test]
    fn a_model_that_was_not_made_is_not_judged() {
        let planned = PlannedGoal {
            model: 3,
            of: "merge".into(),
            figure: "tone-exact_match".into(),
            higher_is_better: true,
            goal: Goal { kind: GoalKind::Threshold, value: 0.0 },
        };
        assert_eq!(outcomes(&[planned], &sample::failed().models), []);
    }
}
