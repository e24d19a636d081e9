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
}

/// Every step that was begun or reused.
pub fn steps(footprint: &Footprint) -> Vec<Step<'_>> {
    footprint.models.iter().flat_map(of_model).collect()
}

/// What the step that makes a model is called.
pub fn pass_title(name: &str, kind: &str) -> String {
    format!("{name} ({kind})")
}

/// What the step that measures a model is called.
pub fn evaluation_title(model: &str) -> String {
    format!("evaluate {model}")
}

fn of_model(model: &ModelRecord) -> Vec<Step<'_>> {
    let pass = model.pass_step.as_ref().map(|record| Step {
        title: pass_title(model.title(), model.from_pass.as_deref().unwrap_or_default()),
        record,
        model,
        is_evaluation: false,
    });
    let evaluations = model.evaluation_steps.iter().map(|record| Step {
        title: evaluation_title(model.title()),
        record,
        model,
        is_evaluation: true,
    });
    pass.into_iter().chain(evaluations).collect()
}
