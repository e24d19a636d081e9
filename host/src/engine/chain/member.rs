//! Members of a chain that were handed over.

use std::path::PathBuf;

use olive_schemas::footprint::StepRecord;
use olive_schemas::model::Model;
use olive_schemas::step::StepOutcome;

use crate::engine::elsewhere::folder::JobFolder;
use crate::engine::inputs::Inputs;
use crate::engine::left::TakenUp;
use crate::plan::Step;
use crate::steps::StepTitle;
use crate::store::{Hold, Work};

/// A step that was handed over.
pub(super) struct Handed<'a> {
    pub(super) step: &'a Step,
    pub(super) title: &'a StepTitle,
    pub(super) id: String,
    pub(super) work: Work,
    pub(super) folder: JobFolder,
    /// What it reads beside models of the chain, when it was handed over just now.
    pub(super) inputs: Option<Inputs>,
    /// The job, when an earlier run has handed it over.
    pub(super) taken_up: Option<TakenUp>,
}

/// All that was handed over, and where results of earlier members of the same chain are now.
pub(super) struct Jobs<'a> {
    pub(super) handed: Vec<Handed<'a>>,
    pub(super) moved: Vec<(PathBuf, PathBuf)>,
    /// Steps that are read, which stay as they are.
    pub(super) _holds: Vec<Hold<'a>>,
}

/// A member that has ended well.
pub(super) struct Done {
    pub(super) record: StepRecord,
    pub(super) outcome: StepOutcome,
}

impl Done {
    /// The model that it has made.
    pub(super) fn model(&self) -> Option<Model> {
        match &self.outcome {
            StepOutcome::Model(model) => Some(model.clone()),
            _ => None,
        }
    }
}
