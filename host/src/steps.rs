//! The steps of a run in the order they go, as people see them.

use olive_schemas::footprint::{Footprint, ModelRecord, StepRecord};
use serde::Serialize;

/// A step as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepTitle {
    /// Position among the steps of the run, from 1.
    pub index: usize,
    /// Steps of the run.
    pub total: usize,
    /// What is done, such as `evaluate input model`.
    pub title: String,
    /// Full key of the step.
    pub key: String,
    /// Whether an earlier run did it.
    pub is_cached: bool,
}

impl StepTitle {
    /// `[2/7] evaluate input model`.
    pub(crate) fn label(&self) -> String {
        let digits = self.total.to_string().len();
        format!("[{:>digits$}/{}] {}", self.index, self.total, self.title)
    }
}

/// A step, what it is called, and the model it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<'a> {
    /// Such as `tune (Tune)` or `evaluate input model`.
    pub title: String,
    /// How it went.
    pub record: &'a StepRecord,
    /// The model it made or measured.
    pub model: &'a ModelRecord,
    /// Whether it measured the model.
    pub is_evaluation: bool,
    /// Numbers of the trials of a search that it was for; none when it was for all of them.
    pub trials: Vec<usize>,
}

impl Step<'_> {
    /// The title, with the variants that the step was for.
    pub fn label(&self) -> String {
        let title = &self.title;
        match self.trials.as_slice() {
            [] => title.clone(),
            [one] => format!("{title}, variant {one}"),
            [one, other] => format!("{title}, variants {one} and {other}"),
            [first, .., last] => format!("{title}, variants {first} … {last}"),
        }
    }
}

/// Every step that was begun or reused.
pub fn steps(footprint: &Footprint) -> Vec<Step<'_>> {
    footprint.models.iter().flat_map(|model| of_model(footprint, model)).collect()
}

/// Numbers of the trials that `model` was made for; none when all trials share it, as they do the
/// input model, and when there was no search.
pub fn trials_of(footprint: &Footprint, model: &ModelRecord) -> Vec<usize> {
    let Some(search) = &footprint.search else { return Vec::new() };
    let begun = search.trials.iter().filter(|trial| !trial.models.is_empty());
    let (with, without): (Vec<_>, Vec<_>) =
        begun.partition(|trial| trial.models.contains(&model.model_id));
    if without.is_empty() {
        return Vec::new();
    }
    with.iter().map(|trial| trial.number).collect()
}

/// What the step that makes a model is called.
pub fn pass_title(name: &str, kind: &str) -> String {
    format!("{name} ({kind})")
}

/// What the step that measures a model is called.
pub fn evaluation_title(model: &str) -> String {
    format!("evaluate {model}")
}

fn of_model<'a>(footprint: &'a Footprint, model: &'a ModelRecord) -> Vec<Step<'a>> {
    let trials = trials_of(footprint, model);
    let pass = model.pass_step.as_ref().map(|record| Step {
        title: pass_title(model.title(), model.from_pass.as_deref().unwrap_or_default()),
        record,
        model,
        is_evaluation: false,
        trials: trials.clone(),
    });
    let evaluations = model.evaluation_steps.iter().map(|record| Step {
        title: evaluation_title(model.title()),
        record,
        model,
        is_evaluation: true,
        trials: trials.clone(),
    });
    pass.into_iter().chain(evaluations).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_step_tells_the_variants_that_it_was_for() {
        let footprint = sample::searches::full();
        let labels: Vec<String> = steps(&footprint).iter().map(Step::label).collect();
        assert_eq!(labels[0], "evaluate input model");
        assert_eq!(labels[1], "quantize (KQuant), variant 1");
        assert!(labels.contains(&"tune (Tune)".to_owned()), "{labels:?}");
    }
}
