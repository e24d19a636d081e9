//! The steps of a run in the order they go.

use olive_schemas::footprint::{Footprint, ModelRecord, StepRecord};

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
    let evaluation = model.evaluation_step.as_ref().map(|record| Step {
        title: evaluation_title(model.title()),
        record,
        model,
        is_evaluation: true,
    });
    pass.into_iter().chain(evaluation).collect()
}
