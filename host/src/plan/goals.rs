//! Goals of a run: which figures of which models must reach what.

use olive_schemas::goal::Goal;
use olive_schemas::metric::EvaluatorConfig;
use olive_schemas::workflow::Workflow;

/// What a figure of a model must reach.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedGoal {
    /// The model, counted in order of making.
    pub model: usize,
    /// The figure, `<metric>-<sub-metric>`.
    pub figure: String,
    /// Which direction is better.
    pub higher_is_better: bool,
    /// What it must reach.
    pub goal: Goal,
}

/// The models that goals are for, counted in order of making, with their evaluators.
///
/// These are the last model, and models whose pass names an evaluator of its own: the engine's
/// measures every model on the way, and not every one of them must be good.
pub(super) fn judges(workflow: &Workflow) -> Vec<(usize, &str)> {
    let Workflow { engine, passes, .. } = workflow;
    let last = passes.len();
    if last == 0 {
        return engine.evaluator.iter().map(|evaluator| (0, evaluator.as_str())).collect();
    }
    let judges = passes.values().enumerate().filter_map(|(index, pass)| {
        let model = index + 1;
        let shared = engine.evaluator.as_ref().filter(|_| model == last);
        Some((model, pass.evaluator.as_ref().or(shared)?.as_str()))
    });
    judges.collect()
}

/// The goals that `evaluator` has for the model numbered `model`.
pub(super) fn of(evaluator: &EvaluatorConfig, model: usize) -> Vec<PlannedGoal> {
    let figures = evaluator.metrics.iter().flat_map(|metric| {
        metric.sub_types.iter().filter_map(move |figure| {
            Some(PlannedGoal {
                model,
                figure: format!("{}-{}", metric.name, figure.name),
                higher_is_better: figure.is_higher_better(metric.kind),
                goal: figure.goal?,
            })
        })
    });
    figures.collect()
}

/// The same evaluator as its plugin sees it: goals are none of its business, nor of its step's key.
pub(super) fn without(mut evaluator: EvaluatorConfig) -> EvaluatorConfig {
    let figures = evaluator.metrics.iter_mut().flat_map(|metric| &mut metric.sub_types);
    figures.for_each(|figure| figure.goal = None);
    evaluator
}
