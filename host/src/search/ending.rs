//! The end of a search: its result in its place, or why there is none.

use olive_schemas::error::PluginError;
use olive_schemas::footprint::Footprint;
use olive_schemas::search::{SearchEnd, SearchRecord, TrialOutcome, TrialRecord};

use super::trial::Ground;
use super::{Search, Searched, tree};
use crate::config::warnings;
use crate::error::Error;
use crate::origin;
use crate::output;
use crate::packaging::{self, Made};
use crate::report;

impl Search<'_> {
    /// Puts the result in its place and tells how the search went.
    pub(super) fn conclude(self, end: SearchEnd) -> Result<Footprint, Error> {
        let Ground { host, searched, store, view, .. } = self.ground;
        let output_dir = self.plan.output_dir.clone();
        let mut footprint = self.footprint(end);
        let losses = report::quality::losses(&footprint, &|name| host.quality_help(name));
        footprint.diagnostics.extend(losses);
        let search = footprint.search.as_ref();
        let stopped = failure(search, end, searched);
        let has_model =
            search.is_some_and(|search| !search.chosen.is_empty() || search.nearest.is_some());
        if end == SearchEnd::Cancelled || !has_model {
            // Why there is no model matters more than a report that cannot be kept.
            let _ = output::keep_failed(&footprint, store);
            view.run_ended(&footprint);
            return Err(stopped);
        }
        let mut packed = Ok(());
        if let Some(folder) = &output_dir {
            let made = Made::of(&footprint, &host.catalog);
            output::place(&mut footprint, store, folder)?;
            let is_cancelled: &dyn Fn() -> bool = &|| host.cancel.is_cancelled();
            let ground = packaging::Ground { plan: &self.plan, store, view, is_cancelled };
            packed = ground.place(&made, folder);
        }
        // The result is in its place, whatever became of its packages.
        view.run_ended(&footprint);
        packed?;
        let nearest = footprint.search.as_ref().and_then(|search| search.trial(search.nearest?));
        let Some(nearest) = nearest else { return Ok(footprint) };
        let goals = report::goals::lines(&footprint);
        let goals = goals.into_iter().filter(|goal| !goal.is_met).collect();
        Err(Error::Unreached { nearest: told(nearest), goals })
    }

    fn footprint(&self, end: SearchEnd) -> Footprint {
        let Searched { strategy, findings, variants, .. } = self.ground.searched;
        let best = self.standing.best();
        let chosen = self.standing.chosen(strategy.output_model_num);
        let nearest = best.filter(|_| chosen.is_empty()).map(|trial| trial.record.number);
        let names = self.ground.searched.build.decided_passes();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let record = SearchRecord {
            execution_order: strategy.execution_order,
            sampler: strategy.sampler,
            seed: strategy.seed,
            variants: variants.stage(&names, strategy.include_pass_params).space.count(),
            objectives: self.standing.objectives().to_vec(),
            trials: self.standing.records(),
            chosen,
            candidates: Vec::new(),
            nearest,
            end,
        };
        let plan = &self.plan;
        Footprint {
            workflow_id: plan.workflow_id.clone(),
            olive_version: env!("CARGO_PKG_VERSION").into(),
            threads: self.ground.choices.threads,
            accelerator: plan.accelerator.clone(),
            start_time: self.start_time.clone(),
            duration_sec: self.start.elapsed().as_secs_f64(),
            models: tree::models(self.standing.trials(), best),
            diagnostics: warnings(findings.iter()),
            goals: best.map(|trial| trial.record.goals.clone()).unwrap_or_default(),
            search: Some(record),
            origin: Some(origin::of(self.ground.searched.source, self.ground.searched.build, plan)),
            output_dir: None,
        }
    }
}

/// Why a search has no model.
fn failure(search: Option<&SearchRecord>, end: SearchEnd, searched: &Searched<'_>) -> Error {
    if end == SearchEnd::Cancelled {
        let title = searched.build.workflow().workflow_id.clone();
        return Error::Step { title, error: PluginError::cancelled() };
    }
    if end == SearchEnd::Time {
        return Error::OutOfTime;
    }
    let trials = search.map(|search| search.trials.as_slice()).unwrap_or_default();
    let failed = trials.iter().rev().find_map(|trial| match &trial.outcome {
        TrialOutcome::Failed { step, error } => Some((step.clone(), error.clone())),
        _ => None,
    });
    match failed {
        Some((title, error)) => Error::Step { title, error },
        None => {
            let reasons = trials.iter().filter_map(|trial| match &trial.outcome {
                TrialOutcome::Skipped { reason } => Some(reason.clone()),
                _ => None,
            });
            Error::NoVariant(reasons.collect())
        }
    }
}

/// A trial in a few words.
fn told(trial: &TrialRecord) -> String {
    match trial.label() {
        label if label.is_empty() => format!("variant {}", trial.number),
        label => format!("variant {} ({label})", trial.number),
    }
}
