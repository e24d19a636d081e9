//! The trials of a search against what was measured of their models.

use olive_schemas::footprint::{Footprint, ModelRecord};
use olive_schemas::search::{SearchEnd, SearchRecord, TrialOutcome, TrialRecord};
use olive_search::{Objective, Score, order};
use serde_json::Value;

use super::figures::Measured;
use super::table::{Column, table};

/// Trials in rows, figures in columns.
#[derive(Debug, Clone)]
pub struct Trials<'a> {
    /// The search.
    pub search: &'a SearchRecord,
    /// The figures: those that rank models first, in their order.
    pub columns: Vec<Column>,
    /// The trials, in their order.
    pub rows: Vec<Row<'a>>,
}

/// A trial.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The trial.
    pub trial: &'a TrialRecord,
    /// Its last model, when it made one.
    pub model: Option<&'a ModelRecord>,
    /// What stands out about it.
    pub rank: Rank,
    /// One figure a column; `None` where nothing was measured.
    pub values: Vec<Option<Measured>>,
}

/// What stands out about a trial, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Its model is the result.
    Result,
    /// Its model is chosen, too, and lies beside the result.
    Candidate,
    /// No model meets the goals, and its comes nearest.
    Nearest,
    /// No other is as good in every objective and better in one.
    Front,
    /// Measured.
    Measured,
    /// Stopped before everything was measured.
    Stopped,
    /// Without a model.
    Nothing,
}

/// The trials of `footprint`, when it is of a search.
pub fn trials(footprint: &Footprint) -> Option<Trials<'_>> {
    let search = footprint.search.as_ref()?;
    let mut columns = table(footprint).columns;
    let place = |column: &Column| {
        let mut objectives = search.objectives.iter();
        let place = objectives.position(|objective| column.is(&objective.figure));
        place.unwrap_or(search.objectives.len())
    };
    columns.sort_by_key(place);
    let rows = search.trials.iter().map(|trial| row(footprint, search, &columns, trial));
    Some(Trials { search, rows: rows.collect(), columns })
}

fn row<'a>(
    footprint: &'a Footprint,
    search: &SearchRecord,
    columns: &[Column],
    trial: &'a TrialRecord,
) -> Row<'a> {
    let model = footprint.model_of(trial.number);
    let is_placed = search.end != SearchEnd::Cancelled;
    let rank = match &trial.outcome {
        TrialOutcome::Skipped { .. } | TrialOutcome::Failed { .. } => Rank::Nothing,
        _ if search.chosen.first() == Some(&trial.number) => Rank::Result,
        _ if is_placed && search.chosen.contains(&trial.number) => Rank::Candidate,
        _ if search.nearest == Some(trial.number) => Rank::Nearest,
        TrialOutcome::Stopped { .. } | TrialOutcome::Beaten { .. } => Rank::Stopped,
        TrialOutcome::Done if trial.is_pareto => Rank::Front,
        TrialOutcome::Done => Rank::Measured,
    };
    let value = |column: &Column| model.and_then(|model| column.measured(model));
    Row { trial, model, rank, values: columns.iter().map(value).collect() }
}

impl<'a> Trials<'a> {
    /// The trial that the search ends with: the best that is kept, else the nearest.
    pub fn result(&self) -> Option<&Row<'a>> {
        let number = self.search.chosen.first().copied().or(self.search.nearest)?;
        self.rows.iter().find(|row| row.trial.number == number)
    }

    /// The best trial with another model than `result`, of those that meet every goal.
    pub fn next_best(&self, result: &Row<'a>) -> Option<&Row<'a>> {
        let is_other = |row: &&Row<'a>| {
            let (one, other) = (row.model, result.model);
            row.trial.meets_goals()
                && row.trial.stage == result.trial.stage
                && one.map(|model| &model.model_id) != other.map(|model| &model.model_id)
        };
        let others: Vec<&Row<'a>> = self.rows.iter().filter(is_other).collect();
        let objectives: Vec<Objective> = self
            .search
            .objectives
            .iter()
            .map(|objective| Objective { higher_is_better: objective.higher_is_better })
            .collect();
        let score = |row: &&Row<'a>| Score {
            shortfall: 0.0,
            figures: (0..objectives.len()).map(|index| row.value(index)).collect(),
        };
        let scores: Vec<Score> = others.iter().map(score).collect();
        order(&scores, &objectives).first().map(|best| others[*best])
    }

    /// The two columns that make a picture, across and up: the first two figures that rank models,
    /// or the size and the first; a size goes across. Fewer than two leave nothing to draw.
    pub fn axes(&self) -> Option<(usize, usize)> {
        let is_known = |index: &usize| self.rows.iter().any(|row| row.values[*index].is_some());
        let known: Vec<usize> = (0..self.columns.len()).filter(is_known).collect();
        let (first, rest) = known.split_first()?;
        let is_objective = |index: &&usize| **index < self.search.objectives.len();
        let size = rest.iter().find(|index| self.columns[**index].is_size());
        let second = rest.iter().find(is_objective).or(size).or(rest.first())?;
        let is_size = self.columns[*first].is_size();
        Some(if is_size { (*first, *second) } else { (*second, *first) })
    }

    /// Names of the settings in which trials differ, in order of first appearance.
    pub fn settings(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for choice in self.rows.iter().flat_map(|row| &row.trial.choices) {
            let name = choice.name();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Trials of which `is` is true.
    pub fn count(&self, is: impl Fn(&TrialRecord) -> bool) -> usize {
        self.rows.iter().filter(|row| is(row.trial)).count()
    }
}

impl Row<'_> {
    /// The bare value in the column `index`.
    pub fn value(&self, index: usize) -> Option<f64> {
        self.values.get(index).copied().flatten().map(|figure| figure.value)
    }

    /// What the trial has for the setting `name`; none when it has no such setting.
    pub fn setting(&self, name: &str) -> Option<String> {
        let choice = self.trial.choices.iter().find(|choice| choice.name() == name)?;
        Some(match &choice.value {
            Value::String(text) => text.clone(),
            Value::Null => "left out".into(),
            other => other.to_string(),
        })
    }

    /// What stands out about the trial, in a word or two.
    pub fn word(&self) -> &'static str {
        match self.rank {
            Rank::Result => "result",
            Rank::Candidate => "candidate",
            Rank::Nearest => "nearest",
            Rank::Front => "Pareto front",
            Rank::Measured | Rank::Stopped | Rank::Nothing => outcome(self.trial),
        }
    }
}

/// How a trial ended, in a word or two.
pub fn outcome(trial: &TrialRecord) -> &'static str {
    match trial.outcome {
        TrialOutcome::Done if trial.meets_goals() => "measured",
        TrialOutcome::Done => "misses a goal",
        TrialOutcome::Skipped { .. } => "skipped",
        TrialOutcome::Stopped { .. } | TrialOutcome::Beaten { .. } => "stopped early",
        TrialOutcome::Failed { .. } => "failed",
    }
}

/// Why a trial has no model, or was not measured to the end.
pub fn reason(trial: &TrialRecord) -> Option<String> {
    match &trial.outcome {
        TrialOutcome::Done => None,
        TrialOutcome::Skipped { reason } => Some(reason.clone()),
        TrialOutcome::Stopped { figure } => Some(format!("it misses the goal for `{figure}`")),
        TrialOutcome::Beaten { figure, by } => {
            Some(format!("variant {by} is better in `{figure}`"))
        }
        TrialOutcome::Failed { step, error } => Some(format!("`{step}` failed: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn figures_that_rank_models_come_first() {
        let footprint = sample::searches::full();
        let trials = trials(&footprint).unwrap();
        let titles: Vec<&str> = trials.columns.iter().map(|c| c.title.as_str()).collect();
        assert_eq!(titles, ["size", "tone-exact_match", "tone-perplexity"]);
        assert_eq!(trials.axes(), Some((0, 1)));
    }

    #[test]
    fn the_next_best_meets_the_goals_too() {
        let footprint = sample::searches::full();
        let trials = trials(&footprint).unwrap();
        let result = trials.result().unwrap();
        assert_eq!((result.trial.number, result.rank), (7, Rank::Result));
        assert_eq!(trials.next_best(result).unwrap().trial.number, 5);
    }

    #[test]
    fn one_figure_makes_no_picture() {
        let mut footprint = sample::searches::full();
        for model in &mut footprint.models {
            model.metrics.clear();
        }
        assert_eq!(trials(&footprint).unwrap().axes(), None);
    }
}
