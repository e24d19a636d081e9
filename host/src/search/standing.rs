//! How the trials of a search stand to each other.

use olive_schemas::footprint::ModelRecord;
use olive_schemas::goal::GoalOutcome;
use olive_schemas::search::{Choice, Objective, TrialOutcome, TrialRecord};
use olive_search::{Score, decided, order, pareto_front};

use super::directions;
use super::trial::Made;
use crate::config::variants::Variant;

/// A trial that came to its end.
pub(super) struct Trial {
    pub(super) record: TrialRecord,
    pub(super) variant: Variant,
    /// The input model, and what was made of it.
    pub(super) models: Vec<ModelRecord>,
    /// Whether all passes of its variant were to run.
    is_whole: bool,
    /// How good its last model is; none when it made none.
    score: Option<Score>,
}

/// A trial that later ones must not be worse than.
pub(super) struct Bar<'a> {
    /// Its number.
    pub(super) number: usize,
    objectives: &'a [Objective],
    /// A figure for each objective.
    figures: &'a [Option<f64>],
}

/// All trials so far.
pub(super) struct Standing {
    objectives: Vec<Objective>,
    trials: Vec<Trial>,
}

impl Standing {
    pub(super) fn new(objectives: Vec<Objective>) -> Self {
        Self { objectives, trials: Vec::new() }
    }

    pub(super) fn objectives(&self) -> &[Objective] {
        &self.objectives
    }

    pub(super) fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Adds a trial; gives its record.
    pub(super) fn add(
        &mut self,
        number: usize,
        stage: Option<String>,
        choices: Vec<Choice>,
        variant: Variant,
        made: Made,
    ) -> &TrialRecord {
        let Made { outcome, models, goals, is_whole, duration_sec } = made;
        let score = self.score(&outcome, &models, &goals);
        let record = TrialRecord {
            number,
            stage,
            choices,
            models: models.iter().map(|model| model.model_id.clone()).collect(),
            outcome,
            goals,
            is_pareto: false,
            duration_sec,
        };
        self.trials.push(Trial { record, variant, models, is_whole, score });
        &self.trials[self.trials.len() - 1].record
    }

    fn score(
        &self,
        outcome: &TrialOutcome,
        models: &[ModelRecord],
        goals: &[GoalOutcome],
    ) -> Option<Score> {
        let is_stopped = match outcome {
            TrialOutcome::Done => false,
            TrialOutcome::Stopped { .. } | TrialOutcome::Beaten { .. } => true,
            TrialOutcome::Skipped { .. } | TrialOutcome::Failed { .. } => return None,
        };
        let figures = figures(&self.objectives, models.last()?);
        let shortfall = goals.iter().map(|goal| shortfall(goal, is_stopped)).sum();
        Some(Score { shortfall, figures })
    }

    /// The best trial of those that made a whole model, whether it meets the goals or not.
    pub(super) fn best(&self) -> Option<&Trial> {
        self.ranked(self.trials.iter().filter(|trial| trial.is_whole)).first().copied()
    }

    /// The best of the trials from the one at `first` on, be their models whole or not.
    pub(super) fn best_since(&self, first: usize) -> Option<&Trial> {
        self.ranked(&self.trials[first..]).first().copied()
    }

    /// Those of `trials` that made a model, the best first.
    fn ranked<'a>(&self, trials: impl IntoIterator<Item = &'a Trial>) -> Vec<&'a Trial> {
        let scored = trials.into_iter().filter_map(|trial| Some((trial, trial.score.clone()?)));
        let (trials, scores): (Vec<&Trial>, Vec<Score>) = scored.unzip();
        let order = order(&scores, &directions(&self.objectives));
        order.into_iter().map(|index| trials[index]).collect()
    }

    /// Places of the trials from the one at `first` on, the best 0; none for those without a model.
    pub(super) fn ranks_since(&self, first: usize) -> Vec<Option<usize>> {
        let trials = &self.trials[first..];
        let mut ranks = vec![None; trials.len()];
        for (rank, trial) in self.ranked(trials).into_iter().enumerate() {
            // Trials are numbered from 1 in their order.
            ranks[trial.record.number - 1 - first] = Some(rank);
        }
        ranks
    }

    /// Whether some trial meets every goal.
    pub(super) fn meets_goals(&self) -> bool {
        self.trials.iter().any(|trial| trial.record.meets_goals())
    }

    /// Numbers of the best trials with whole models that meet the goals, at most `count`, no model
    /// twice.
    pub(super) fn chosen(&self, count: usize) -> Vec<usize> {
        let met = |trial: &&Trial| trial.is_whole && trial.record.meets_goals();
        let mut chosen: Vec<&Trial> = Vec::new();
        for trial in self.ranked(self.trials.iter().filter(met)) {
            let is_new = |other: &&Trial| other.record.models.last() != trial.record.models.last();
            if chosen.len() < count && chosen.iter().all(is_new) {
                chosen.push(trial);
            }
        }
        chosen.into_iter().map(|trial| trial.record.number).collect()
    }

    /// What a trial must reach to be among the best `count` that meet the goals; none while there
    /// are fewer.
    pub(super) fn bar(&self, count: usize) -> Option<Bar<'_>> {
        let chosen = self.chosen(count);
        let number = *chosen.last().filter(|_| chosen.len() == count)?;
        let trial = self.trials.iter().find(|trial| trial.record.number == number)?;
        let figures = &trial.score.as_ref()?.figures;
        Some(Bar { number, objectives: &self.objectives, figures })
    }

    /// What is kept of every trial; only whole models are on the front.
    pub(super) fn records(&self) -> Vec<TrialRecord> {
        let done = |trial: &&Trial| trial.is_whole && trial.record.outcome == TrialOutcome::Done;
        let scores: Vec<Score> =
            self.trials.iter().filter(done).filter_map(|trial| trial.score.clone()).collect();
        let mut front = pareto_front(&scores, &directions(&self.objectives)).into_iter();
        let record = |trial: &Trial| TrialRecord {
            is_pareto: done(&trial) && front.next().unwrap_or_default(),
            ..trial.record.clone()
        };
        self.trials.iter().map(record).collect()
    }
}

impl Bar<'_> {
    /// The figure in which `model` is worse, whatever else is measured of it.
    pub(super) fn beats(&self, model: &ModelRecord) -> Option<String> {
        let theirs = figures(self.objectives, model);
        let directions = directions(self.objectives);
        let is_better = decided(self.figures, &theirs, &directions);
        is_better.map(|index| self.objectives[index].figure.clone())
    }
}

/// Figures of `model` that rank it; none where it was not measured.
fn figures(objectives: &[Objective], model: &ModelRecord) -> Vec<Option<f64>> {
    let figure = |objective: &Objective| {
        let found = model.metrics.iter().find(|value| value.key() == objective.figure);
        found.map(|value| value.value)
    };
    objectives.iter().map(figure).collect()
}

/// How far a figure is from its goal, as a share of the goal's limit; 1 when it was not measured,
/// unless the trial was stopped before.
fn shortfall(goal: &GoalOutcome, is_stopped: bool) -> f64 {
    if goal.is_met() {
        return 0.0;
    }
    match (goal.value, goal.limit) {
        (Some(value), Some(limit)) if (value - limit).is_finite() => {
            // What misses its limit by a hair still misses it.
            ((value - limit) / limit.abs().max(f64::EPSILON)).abs().max(f64::MIN_POSITIVE)
        }
        (None, _) if is_stopped => 0.0,
        _ => 1.0,
    }
}
