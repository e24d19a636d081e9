//! Goals of a run: which figures of which models must reach what.

use olive_schemas::goal::Goal;
use olive_schemas::metric::{EvaluatorConfig, SubMetric};
use olive_schemas::search::Objective;
use olive_schemas::workflow::Workflow;

/// What a figure of a model must reach.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedGoal {
    /// The model, counted in order of making.
    pub model: usize,
    /// What people call the model.
    pub of: String,
    /// The figure, `<metric>-<sub-metric>`.
    pub figure: String,
    /// Which direction is better.
    pub higher_is_better: bool,
    /// What it must reach.
    pub goal: Goal,
}

/// A model that goals are for, and its evaluator.
pub(super) struct Judged<'a> {
    /// The model, counted in order of making.
    pub(super) model: usize,
    /// What people call it.
    pub(super) title: &'a str,
    /// The evaluator.
    pub(super) evaluator: &'a str,
}

/// The models that goals are for, with their evaluators.
///
/// These are the last model, and models whose pass names an evaluator of its own: the engine's
/// measures every model on the way, and not every one of them must be good.
pub(super) fn judged(workflow: &Workflow) -> Vec<Judged<'_>> {
    let Workflow { engine, passes, .. } = workflow;
    let last = passes.len();
    if last == 0 {
        let judged = |evaluator| Judged { model: 0, title: "input model", evaluator };
        return engine.evaluator.as_deref().map(judged).into_iter().collect();
    }
    let judged = passes.iter().enumerate().filter_map(|(index, (title, pass))| {
        let model = index + 1;
        let shared = engine.evaluator.as_ref().filter(|_| model == last);
        let evaluator = pass.evaluator.as_ref().or(shared)?;
        Some(Judged { model, title, evaluator })
    });
    judged.collect()
}

/// The goals that `evaluator` has for the model numbered `model`, which people call `title`.
pub(super) fn of(evaluator: &EvaluatorConfig, model: usize, title: &str) -> Vec<PlannedGoal> {
    let figures = evaluator.metrics.iter().flat_map(|metric| {
        metric.sub_types.iter().filter_map(move |figure| {
            Some(PlannedGoal {
                model,
                of: title.to_owned(),
                figure: format!("{}-{}", metric.name, figure.name),
                higher_is_better: figure.is_higher_better(metric.kind),
                goal: figure.goal?,
            })
        })
    });
    figures.collect()
}

/// Figures of `evaluator` that rank models: those with a priority, in the order of that, and after
/// them those with a goal; all of them when none has either.
pub(super) fn objectives(evaluator: &EvaluatorConfig) -> Vec<Objective> {
    let figures = evaluator.metrics.iter().flat_map(|metric| {
        metric.sub_types.iter().map(move |figure| {
            let objective = Objective {
                figure: format!("{}-{}", metric.name, figure.name),
                higher_is_better: figure.is_higher_better(metric.kind),
            };
            (figure, objective)
        })
    });
    let all: Vec<(&SubMetric, Objective)> = figures.collect();
    let mut ranked: Vec<&(&SubMetric, Objective)> =
        all.iter().filter(|(figure, _)| figure.priority > 0).collect();
    ranked.sort_by_key(|(figure, _)| figure.priority);
    ranked.extend(all.iter().filter(|(figure, _)| figure.priority <= 0 && figure.goal.is_some()));
    if ranked.is_empty() {
        ranked = all.iter().collect();
    }
    ranked.into_iter().map(|(_, objective)| objective.clone()).collect()
}

/// The same evaluator as its plugin sees it: goals, and where samples go, are none of its business,
/// nor of its step's key.
pub(super) fn without(mut evaluator: EvaluatorConfig) -> EvaluatorConfig {
    for metric in &mut evaluator.metrics {
        (metric.sample_log_num, metric.sample_log_dir) = (0, None);
    }
    let figures = evaluator.metrics.iter_mut().flat_map(|metric| &mut metric.sub_types);
    figures.for_each(|figure| figure.goal = None);
    evaluator
}
