//! The plan: every step of a run with its settings and its key, before any of them runs.
//!
//! [`resolve()`] links names, makes paths absolute, digests what steps read and chains kinds of
//! models. Nothing here runs a plugin.

mod resolve;
mod input;
mod settings;
mod step;
mod single;
mod fetch;
mod data;
mod goals;
mod samples;
mod packages;
mod systems;

pub use data::{DataUse, data_uses, input_model};
pub use fetch::{Fetch, fetches};
pub use goals::PlannedGoal;
pub use packages::PlannedPackage;
pub use resolve::resolve;
pub use samples::PlannedSamples;
pub(crate) use settings::absolute_paths;
pub use single::single_pass;
pub use systems::{is_elsewhere, systems};

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::data::DataConfig;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::protocol::Callee;
use olive_schemas::search::Objective;
use olive_schemas::step::{Accelerator, ProviderLibrary, StepKind, StepRequest};
use serde_json::Value;
use thiserror::Error;

use crate::steps::{StepTitle, evaluation_title, pass_title};
use crate::store::{StepKey, Store};

/// What a run will do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of the workflow.
    pub workflow_id: String,
    /// The model to start from.
    pub input: Input,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// Threads a step may use here.
    pub threads: usize,
    /// What the result is meant for.
    pub accelerator: Accelerator,
    /// What models must reach.
    pub goals: Vec<PlannedGoal>,
    /// Figures of the last model that rank it among others, the most important first.
    pub objectives: Vec<Objective>,
    /// Samples of evaluations that are wanted.
    pub samples: Vec<PlannedSamples>,
    /// Packages of the result that are wanted.
    pub packages: Vec<PlannedPackage>,
    /// Plugins that have systems, by the systems' names: an earlier run may have left jobs on any.
    pub systems: BTreeMap<String, Callee>,
    /// Folder for the result, when one is wanted; absolute.
    pub output_dir: Option<PathBuf>,
    /// Folder for what steps make; absolute.
    pub cache_dir: PathBuf,
}

/// The model a run starts from.
#[derive(Debug, Clone)]
pub struct Input {
    /// The model, with absolute paths.
    pub model: Model,
    /// Digest of its content.
    pub digest: String,
}

/// One step of a plan.
#[derive(Debug, Clone)]
pub struct Step {
    /// Makes a model or measures one.
    pub role: Role,
    /// Key of the step.
    pub key: StepKey,
    /// The model it makes or measures, counted in order of making; 0 is the input model.
    pub model: usize,
    /// Label of the plugin that does the work, `name@version`.
    pub plugin: String,
    /// Library of that plugin.
    pub library: Callee,
    /// Name of the pass or evaluator inside the plugin.
    pub name: String,
    /// Its config as the plugin gets it, with absolute paths.
    pub config: Value,
    /// The same with defaults filled in, for people.
    pub full_config: Value,
    /// Data configs it reads, with absolute paths.
    pub data_configs: BTreeMap<String, DataConfig>,
    /// Kinds of model it takes.
    pub accepts: Vec<ModelKind>,
    /// Library of the execution provider it runs with, when a pack provides that.
    pub provider: Option<ProviderLibrary>,
    /// Where it runs, when that is not here.
    pub system: Option<SystemUse>,
    /// Processes that compute it together, on a system that can; 1 for most.
    pub ranks: usize,
    /// Threads it may use, where it runs.
    pub threads: usize,
}

/// A plugin's system, as a step uses it.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemUse {
    /// Name of the system in the workflow.
    pub label: String,
    /// Library of the plugin that has it.
    pub library: Callee,
    /// Name of the system inside the plugin.
    pub name: String,
    /// Its settings, with absolute paths.
    pub config: Value,
    /// Workers that it starts for a step that several can compute.
    pub ranks: usize,
    /// Whether it can say what it would send.
    pub rehearses: bool,
    /// Processors that its settings give to a worker.
    pub threads: Option<usize>,
    /// Memory that its settings give to a worker.
    pub memory_bytes: Option<u64>,
    /// Whether it takes steps that follow each other all at once.
    pub chains: bool,
    /// Whether it takes steps of several trials all at once.
    pub batches: bool,
}

/// What a step does to its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Makes a model from the one before.
    Pass {
        /// Name of the pass in the workflow.
        pass_name: String,
    },
    /// Measures a model.
    Evaluation {
        /// What people call the model.
        of: String,
        /// The metric, when one is measured by itself.
        metric: Option<String>,
    },
    /// Makes files local.
    Fetch {
        /// What people call them.
        of: String,
        /// Folder that the source shares with other programs.
        shared_dir: Option<PathBuf>,
    },
}

impl Role {
    /// What kind of work it is.
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Pass { .. } => StepKind::Pass,
            Self::Evaluation { .. } => StepKind::Evaluate,
            Self::Fetch { .. } => StepKind::Source,
        }
    }
}

/// What the command line decides instead of the config.
#[derive(Debug, Clone)]
pub struct Choices {
    /// The model to start from.
    pub model: Option<Model>,
    /// Folder for the result, absolute.
    pub output_dir: Option<PathBuf>,
    /// Threads a step may use here.
    pub threads: usize,
    /// Threads a step may use on a system whose settings say nothing of processors.
    pub threads_elsewhere: usize,
    /// What is wanted of the workflow.
    pub purpose: Purpose,
    /// Whether to run even what will not fit.
    pub is_forced: bool,
}

/// What is wanted of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Everything it says.
    Run,
    /// A model to be compared with others: metrics are measured one by one, the cheap ones first,
    /// and only where someone asks for them.
    Trial,
    /// The figures of one evaluator for the input model, and nothing else.
    Evaluate {
        /// The evaluator.
        evaluator: String,
    },
}

/// Why a plan could not be made, when no place in the config is to blame.
#[derive(Debug, Error)]
pub enum PlanError {
    /// A file cannot be read to the end.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something does not fit; pointers lead into the workflow.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    Problems(Vec<Diagnostic>),
}

impl Plan {
    /// The steps as people see them.
    pub fn titles(&self, store: &Store) -> Vec<StepTitle> {
        let total = self.steps.len();
        let titles = self.steps.iter().enumerate().map(|(index, step)| StepTitle {
            index: index + 1,
            total,
            title: step.title(),
            key: step.key.to_string(),
            is_cached: store.get(&step.key).is_some(),
        });
        titles.collect()
    }

    /// The request for `step` on the model `input`; its folders are still to be set.
    pub fn request(&self, step: &Step, input: Model) -> StepRequest {
        StepRequest {
            kind: step.kind(),
            name: step.name.clone(),
            config: step.config.clone(),
            input,
            is_input_final: true,
            data_configs: step.data_configs.clone(),
            output_dir: PathBuf::new(),
            scratch_dir: PathBuf::new(),
            checkpoint_dir: None,
            shared_dir: step.shared_dir().map(Path::to_owned),
            ranks: step.ranks,
            threads: step.threads,
            accelerator: self.accelerator.clone(),
            execution_provider_library: step.provider.clone(),
            package: None,
        }
    }
}

impl Step {
    /// Folder that a source shares with other programs, when the step is one's.
    pub fn shared_dir(&self) -> Option<&Path> {
        match &self.role {
            Role::Fetch { shared_dir, .. } => shared_dir.as_deref(),
            Role::Pass { .. } | Role::Evaluation { .. } => None,
        }
    }

    /// What people call the step.
    pub fn title(&self) -> String {
        match &self.role {
            Role::Pass { pass_name } => pass_title(pass_name, &self.name),
            Role::Evaluation { of, metric: None } => evaluation_title(of),
            Role::Evaluation { of, metric: Some(metric) } => {
                format!("{} ({metric})", evaluation_title(of))
            }
            Role::Fetch { of, .. } => format!("fetch {of} ({})", self.name),
        }
    }

    /// What kind of work it is.
    pub fn kind(&self) -> StepKind {
        self.role.kind()
    }

    /// The model it works on, counted in order of making.
    pub fn input(&self) -> usize {
        match self.role {
            Role::Pass { .. } => self.model - 1,
            Role::Evaluation { .. } | Role::Fetch { .. } => self.model,
        }
    }
}
