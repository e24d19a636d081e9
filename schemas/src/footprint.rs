//! The footprint: what ran, what it made and what it measured.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::error::PluginError;
use crate::goal::GoalOutcome;
use crate::metric::MetricValue;
use crate::model::Model;
use crate::origin::Origin;
use crate::search::{Candidate, SearchRecord};
use crate::step::{Accelerator, LogLevel};

/// Everything a run leaves to be told: its models in order of making, and what was odd.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Footprint {
    /// Name of the workflow.
    pub workflow_id: String,
    /// Version of the program that ran it.
    pub olive_version: String,
    /// Threads a step was given.
    pub threads: usize,
    /// What the result is meant for.
    pub accelerator: Accelerator,
    /// Start of the run, RFC 3339 in UTC.
    pub start_time: String,
    /// Wall time of the run in seconds.
    pub duration_sec: f64,
    /// The input model first, then one model a pass, each made from the one before; after a search
    /// the models of all trials, each once, those that the best trial made last; or the input model,
    /// when that is the best.
    pub models: Vec<ModelRecord>,
    /// Warnings about the config and about what steps lost.
    pub diagnostics: Vec<Diagnostic>,
    /// How models meet the goals of their evaluators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<GoalOutcome>,
    /// How the search went, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchRecord>,
    /// What it takes to run it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Absolute path of the output folder, when the run has a result.
    pub output_dir: Option<String>,
}

impl Footprint {
    /// Whether every step came to its end, or a search has a result.
    pub fn is_complete(&self) -> bool {
        if let Some(search) = &self.search {
            return search.nearest.is_some() || !search.chosen.is_empty();
        }
        let steps = self.models.iter().flat_map(ModelRecord::steps);
        steps.into_iter().all(|step| step.status.is_done())
    }

    /// The model that the run started from.
    pub fn input(&self) -> Option<&ModelRecord> {
        self.models.iter().find(|model| model.parent_model_id.is_none())
    }

    /// The model with this content id.
    pub fn model(&self, id: &str) -> Option<&ModelRecord> {
        self.models.iter().find(|model| model.model_id == id)
    }

    /// The last model of the trial `number` of a search, when it was measured, if only in part.
    pub fn model_of(&self, number: usize) -> Option<&ModelRecord> {
        let trial = self.search.as_ref()?.trial(number).filter(|trial| trial.has_model())?;
        self.model(trial.models.last()?)
    }

    /// The candidates of a search that lie in the output folder, with their models.
    pub fn candidates(&self) -> impl Iterator<Item = (&Candidate, &ModelRecord)> {
        let candidates = self.search.iter().flat_map(|search| &search.candidates);
        candidates.filter_map(|candidate| Some((candidate, self.model_of(candidate.trial)?)))
    }
}

/// One model: where it came from, and what was measured about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelRecord {
    /// Content id: the key of the step that made it, or the digest of the input model.
    pub model_id: String,
    /// Content id of the model it was made from.
    pub parent_model_id: Option<String>,
    /// The model, once it exists.
    pub model: Option<Model>,
    /// Name of the pass in the workflow, such as `lora`; `None` for the input model.
    pub pass_name: Option<String>,
    /// Type of the pass, such as `LoRA`.
    pub from_pass: Option<String>,
    /// Settings the pass ran with.
    pub pass_run_config: Option<Value>,
    /// The step that made it; `None` for the input model.
    pub pass_step: Option<StepRecord>,
    /// The steps that measured it; more than one when it was measured by several evaluators.
    pub evaluation_steps: Vec<StepRecord>,
    /// Bytes of its files on disk.
    pub size_bytes: Option<u64>,
    /// What was measured.
    pub metrics: Vec<MetricValue>,
}

impl ModelRecord {
    /// The steps of this model that exist, in order.
    pub fn steps(&self) -> Vec<&StepRecord> {
        self.pass_step.iter().chain(&self.evaluation_steps).collect()
    }

    /// What people call the model: the pass's name, or `input model`.
    pub fn title(&self) -> &str {
        self.pass_name.as_deref().unwrap_or("input model")
    }
}

/// One step as it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// Full key of the step.
    pub key: String,
    /// Plugin and version that did the work, `name@version`.
    pub plugin: String,
    /// How it went.
    pub status: StepStatus,
    /// Start of the work, RFC 3339 in UTC; of the original work when the result was reused.
    pub start_time: String,
    /// End of the work, RFC 3339 in UTC.
    pub end_time: String,
    /// Wall time of the work in seconds.
    pub duration_sec: f64,
    /// Processor time of the worker in seconds.
    pub cpu_sec: Option<f64>,
    /// Largest resident memory of the worker in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Progress with figures, thinned to a few hundred points.
    #[serde(default)]
    pub curve: Vec<CurvePoint>,
    /// What the step said, debug lines left out.
    #[serde(default)]
    pub log: Vec<LogLine>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<PluginError>,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// The work was done now.
    Ran,
    /// The result of an earlier run was taken.
    Reused,
    /// The work ended in an error.
    Failed,
    /// The user stopped it.
    Cancelled,
}

impl StepStatus {
    /// Whether the step has a result.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Ran | Self::Reused)
    }

    /// What people call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Reused => "reused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Figures at one moment of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// What is counted, such as `step`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Units done.
    pub done: u64,
    /// Figures such as `loss`.
    pub figures: BTreeMap<String, f64>,
}

/// One line a step said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// How important it is.
    pub level: LogLevel,
    /// The sentence.
    pub message: String,
}
