//! The order of what was tried: goals first, then objectives, the most important first.

use std::cmp::Ordering;

/// A figure that ranks, and its better direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objective {
    /// Whether more is better.
    pub higher_is_better: bool,
}

/// How a point came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// How far it is from its goals: 0 when it meets all, and the sum of what is missing, each as a
    /// share of its limit.
    pub shortfall: f64,
    /// A figure for each objective; none where it was not measured.
    pub figures: Vec<Option<f64>>,
}

impl Score {
    /// Which of two is better: less is.
    ///
    /// One that meets its goals is better than one that does not, and of two that do not, the one
    /// that is nearer. Then the objectives decide in their order. What was not measured, or is no
    /// number, is worse than what was, whichever direction is better.
    pub fn compare(&self, other: &Self, objectives: &[Objective]) -> Ordering {
        let nearer = self.shortfall.total_cmp(&other.shortfall);
        let figures = objectives
            .iter()
            .enumerate()
            .map(|(index, objective)| compare(self.figure(index), other.figure(index), *objective));
        figures.fold(nearer, Ordering::then)
    }

    fn figure(&self, index: usize) -> Option<f64> {
        self.figures.get(index).copied().flatten().filter(|figure| !figure.is_nan())
    }

    /// Whether it is at least as good in every objective, and better in one.
    fn dominates(&self, other: &Self, objectives: &[Objective]) -> bool {
        let mut is_better = false;
        for (index, objective) in objectives.iter().enumerate() {
            match compare(self.figure(index), other.figure(index), *objective) {
                Ordering::Less => is_better = true,
                Ordering::Equal => {}
                Ordering::Greater => return false,
            }
        }
        is_better
    }
}

/// Which of two figures is better: less is.
fn compare(one: Option<f64>, other: Option<f64>, objective: Objective) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) if objective.higher_is_better => other.total_cmp(&one),
        (Some(one), Some(other)) => one.total_cmp(&other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

/// The objective in which `best` is better than `other`, when all before it are equal and both
/// were measured that far: what is not yet measured of `other` cannot make it better.
pub fn decided(
    best: &[Option<f64>],
    other: &[Option<f64>],
    objectives: &[Objective],
) -> Option<usize> {
    let figures = best.iter().zip(other).zip(objectives);
    for (index, ((best, other), objective)) in figures.enumerate() {
        match compare(Some((*best)?), Some((*other)?), *objective) {
            Ordering::Less => return Some(index),
            Ordering::Equal => {}
            Ordering::Greater => return None,
        }
    }
    None
}

/// Numbers of `scores`, the best first; of equals the earlier first.
pub fn order(scores: &[Score], objectives: &[Objective]) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..scores.len()).collect();
    numbers.sort_by(|one, other| scores[*one].compare(&scores[*other], objectives));
    numbers
}

/// Whether each of `scores` is on the Pareto front: meets its goals, and no other that does is as
/// good in every objective and better in one.
pub fn pareto_front(scores: &[Score], objectives: &[Objective]) -> Vec<bool> {
    let meets = |score: &&Score| score.shortfall == 0.0;
    let is_best = |score: &Score| {
        meets(&score)
            && !scores.iter().filter(meets).any(|other| other.dominates(score, objectives))
    };
    scores.iter().map(is_best).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCURACY: Objective = Objective { higher_is_better: true };
    const SIZE: Objective = Objective { higher_is_better: false };

    fn score(shortfall: f64, figures: &[Option<f64>]) -> Score {
        Score { shortfall, figures: figures.to_vec() }
    }

    #[test]
    fn goals_come_before_objectives_and_what_was_measured_before_what_was_not() {
        let scores = [
            score(0.1, &[Some(0.9)]),
            score(0.0, &[None]),
            score(0.0, &[Some(f64::NAN)]),
            score(0.0, &[Some(0.7)]),
            score(0.0, &[Some(0.8)]),
            score(0.05, &[None]),
        ];
        assert_eq!(order(&scores, &[ACCURACY]), [4, 3, 1, 2, 5, 0]);
        assert_eq!(order(&scores, &[SIZE]), [3, 4, 1, 2, 5, 0]);
        assert_eq!(order(&scores, &[]), [1, 2, 3, 4, 5, 0]);
    }

    #[test]
    fn earlier_objectives_decide_first() {
        let scores = [
            score(0.0, &[Some(0.8), Some(90.0)]),
            score(0.0, &[Some(0.8), Some(80.0)]),
            score(0.0, &[Some(0.9), Some(99.0)]),
        ];
        assert_eq!(order(&scores, &[ACCURACY, SIZE]), [2, 1, 0]);
    }

    #[test]
    fn what_counts_first_decides_before_the_rest_is_measured() {
        let best = [Some(80.0), Some(0.8)];
        for (other, expected) in [
            ([Some(90.0), None], Some(0)),
            ([Some(70.0), None], None),
            ([Some(80.0), None], None),
            ([Some(80.0), Some(0.7)], Some(1)),
            ([Some(80.0), Some(0.8)], None),
            ([None, Some(0.1)], None),
        ] {
            assert_eq!(decided(&best, &other, &[SIZE, ACCURACY]), expected, "{other:?}");
        }
    }

    #[test]
    fn the_front_holds_what_no_other_beats() {
        let scores = [
            score(0.0, &[Some(0.8), Some(90.0)]),
            score(0.0, &[Some(0.8), Some(80.0)]),
            score(0.0, &[Some(0.9), Some(99.0)]),
            score(0.2, &[Some(1.0), Some(1.0)]),
            score(0.0, &[None, Some(80.0)]),
            score(0.0, &[None, Some(70.0)]),
        ];
        let front = pareto_front(&scores, &[ACCURACY, SIZE]);
        assert_eq!(front, [false, true, true, false, false, true]);
    }
}
