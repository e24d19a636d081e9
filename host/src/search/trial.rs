//! One trial: the config that a variant says, planned and run.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use olive_schemas::error::PluginError;
use olive_schemas::footprint::ModelRecord;
use olive_schemas::goal::GoalOutcome;
use olive_schemas::search::TrialOutcome;
use olive_schemas::validation::Cost;

use super::Searched;
use super::standing::Bar;
use crate::config::variants::Variant;
use crate::config::{CheckedWorkflow, Finding, Scope};
use crate::engine::{self, Batches, RunContext};
use crate::examine::examine_one;
use crate::forecast;
use crate::host::Host;
use crate::plan::{self, Choices, Plan, PlanError, Role};
use crate::prepare;
use crate::samples;
use crate::steps::StepTitle;
use crate::store::{StepKey, Store};
use crate::validate::estimates;
use crate::view::View;

/// What each pass will take, by its name, as far as it is known.
type CostsOfPasses = Vec<(String, Option<Cost>)>;

/// What every trial of a search stands on.
pub(super) struct Ground<'a> {
    pub(super) host: &'a Host,
    pub(super) searched: &'a Searched<'a>,
    /// What the command line decides; threads are those of one trial.
    pub(super) choices: Choices,
    pub(super) store: &'a Store,
    pub(super) view: &'a View,
    /// Metrics of which was told that they have no samples.
    pub(super) without_samples: Mutex<BTreeSet<String>>,
}

/// What came of a trial.
pub(super) struct Made {
    pub(super) outcome: TrialOutcome,
    /// The input model, and what was made of it.
    pub(super) models: Vec<ModelRecord>,
    pub(super) goals: Vec<GoalOutcome>,
    /// Whether all passes of the variant were to run.
    pub(super) is_whole: bool,
    pub(super) duration_sec: f64,
}

impl Made {
    fn skipped(reason: String) -> Self {
        Self::nothing(TrialOutcome::Skipped { reason })
    }

    /// A trial whose thread died.
    pub(super) fn lost() -> Self {
        let error = PluginError::new("trial", "the trial's thread died");
        Self::nothing(TrialOutcome::Failed { step: "trial".into(), error })
    }

    fn nothing(outcome: TrialOutcome) -> Self {
        let (models, goals) = (Vec::new(), Vec::new());
        Self { outcome, models, goals, is_whole: false, duration_sec: 0.0 }
    }
}

impl Ground<'_> {
    /// Tries `variant` as number `number` beside the trials of `batches`, with the passes up to `last`
    /// when one is named, and stops when it cannot reach `bar`.
    pub(super) fn run(
        &self,
        number: usize,
        variant: &Variant,
        (last, bar): (Option<&str>, Option<&Bar<'_>>),
        view: &View,
        batches: &Batches,
    ) -> Made {
        self.view.trial_started(number, &self.searched.variants.choices(variant));
        let start = Instant::now();
        let (plan, costs, settled) = match self.plan(variant, last) {
            Ok(planned) => planned,
            Err(reason) => return Made::skipped(reason),
        };
        let context = RunContext {
            store: self.store,
            view,
            is_cancelled: &|| self.host.cancel.is_cancelled(),
            told: Vec::new(),
            settled,
            batches: Some(batches),
        };
        let titles: Vec<StepTitle> = plan.titles(self.store);
        // A model on the way need not be good yet.
        let is_whole = last.is_none();
        let given_up = |models: &[ModelRecord]| given_up(&plan, models, bar).filter(|_| is_whole);
        let goes_on = |models: &[ModelRecord]| given_up(models).is_none();
        let models = engine::walk(&plan, &titles, &context, Some(&goes_on));
        forecast::learn(&plan, &costs, &models);
        match samples::place(&plan, self.store, Some(number)) {
            Ok(without) => self.tell_without_samples(without),
            Err(error) => self.view.note(&error.to_string()),
        }
        let outcome = outcome(&plan, &models, given_up(&models));
        let goals = engine::outcomes(&plan.goals, &models);
        Made { outcome, models, goals, is_whole, duration_sec: start.elapsed().as_secs_f64() }
    }

    /// Tells which of `metrics` have no samples, each once in a search.
    fn tell_without_samples(&self, metrics: Vec<String>) {
        // A trial that dies leaves the set as it is.
        let mut told = self.without_samples.lock().unwrap_or_else(PoisonError::into_inner);
        for metric in metrics {
            if told.insert(metric.clone()) {
                self.view.note(&samples::none_of(&metric));
            }
        }
    }

    /// The plan of `variant`, the costs of its passes by name, and the steps whose pass has seen its
    /// model.
    ///
    /// # Errors
    /// Why the variant cannot work.
    fn plan(
        &self,
        variant: &Variant,
        last: Option<&str>,
    ) -> Result<(Plan, CostsOfPasses, Vec<StepKey>), String> {
        let Self { host, searched, choices, .. } = self;
        let source = searched.source;
        let (checked, plan) = searched.plan(host, variant, last, choices)?;
        let scope = Scope::run(choices.model.as_ref().map(|model| model.kind));
        let costs = estimates(&checked, source, &host.catalog, scope);
        forecast::check(&plan, &costs, self.store, choices.is_forced).map_err(|short| {
            let reasons: Vec<String> = short.iter().map(ToString::to_string).collect();
            format!("{}; `--force` tries it all the same", reasons.join("; "))
        })?;
        let prepared = prepare::prepare(&plan, self.store, &|| host.cancel.is_cancelled());
        let prepared = prepared.map_err(|error| error.to_string())?;
        let found = prepared.found.into_iter().map(|problem| checked.finding(problem, source));
        let errors: Vec<Finding> = found.filter(Finding::is_error).collect();
        if errors.is_empty() {
            Ok((plan, costs, prepared.settled))
        } else {
            Err(joined(errors.iter().map(|told| told.diagnostic.message.as_str())))
        }
    }
}

impl Searched<'_> {
    /// The config that `variant` says and its plan, with the passes up to `last` when one is named.
    ///
    /// # Errors
    /// Why the variant cannot work.
    pub(super) fn plan(
        &self,
        host: &Host,
        variant: &Variant,
        last: Option<&str>,
        choices: &Choices,
    ) -> Result<(CheckedWorkflow, Plan), String> {
        let derived = self.variants.derive(variant, last);
        let scope = Scope::run(choices.model.as_ref().map(|model| model.kind));
        let (checked, findings) = examine_one(derived, self.source, &host.catalog, scope);
        let errors = || {
            let errors = findings.iter().filter(|told| told.is_error());
            joined(errors.map(|told| told.diagnostic.message.as_str()))
        };
        let checked = checked.ok_or_else(errors)?;
        let checked = self.build.same_build_of(checked).ok_or("the build has no pass left")?;
        let plan = plan::resolve(&checked, &self.source.folder(), &host.catalog, choices);
        let plan = plan.map_err(|error| match error {
            PlanError::Problems(problems) => {
                joined(problems.iter().map(|problem| problem.message.as_str()))
            }
            PlanError::Unreadable { .. } => error.to_string(),
        })?;
        Ok((checked, plan))
    }
}

fn joined<'a>(messages: impl Iterator<Item = &'a str>) -> String {
    messages.collect::<Vec<_>>().join("; ")
}

/// Why nothing more is measured of `models`: the last has missed a goal, or cannot reach `bar`.
fn given_up(plan: &Plan, models: &[ModelRecord], bar: Option<&Bar<'_>>) -> Option<TrialOutcome> {
    let outcomes = engine::outcomes(&plan.goals, models);
    let missed = outcomes.into_iter().find(|goal| goal.value.is_some() && !goal.is_met());
    if let Some(goal) = missed {
        return Some(TrialOutcome::Stopped { figure: goal.figure });
    }
    let is_pass = |step: &&plan::Step| matches!(step.role, Role::Pass { .. });
    let is_whole = models.len() > plan.steps.iter().filter(is_pass).count();
    let (bar, last) = bar.zip(models.last()).filter(|_| is_whole)?;
    let figure = bar.beats(last)?;
    Some(TrialOutcome::Beaten { figure, by: bar.number })
}

/// How a trial of `plan` ended that made `models`.
fn outcome(plan: &Plan, models: &[ModelRecord], given_up: Option<TrialOutcome>) -> TrialOutcome {
    let records = models.iter().flat_map(ModelRecord::steps);
    let failed = records.clone().position(|record| !record.status.is_done());
    if let Some(failed) = failed {
        let record = records.clone().nth(failed);
        let unknown = || PluginError::new("step-failed", "the step gave no reason");
        let error = record.and_then(|record| record.error.clone()).unwrap_or_else(unknown);
        let step = plan.steps.get(failed).map(plan::Step::title).unwrap_or_default();
        return TrialOutcome::Failed { step, error };
    }
    given_up.filter(|_| records.count() < plan.steps.len()).unwrap_or(TrialOutcome::Done)
}
