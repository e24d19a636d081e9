//! Why adapters could not be trained.

use std::io;
use std::path::{Path, PathBuf};

use olive_kit_adapters::AdapterError;
use olive_kit_checkpoint::CheckpointError;
use olive_kit_collective::CollectiveError;
use olive_kit_decoder::DecoderError;
use olive_kit_quant::QuantError;
use olive_kit_train::{TrainError, checkpoint};
use olive_plugin_api::{Diagnostic, PluginError};
use thiserror::Error;

/// Why adapters could not be trained.
#[derive(Debug, Error)]
pub enum LoraError {
    /// The model could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The model could not be loaded.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
    /// The adapter could not be made or written.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// A weight could not be rounded.
    #[error(transparent)]
    Quant(#[from] QuantError),
    /// The config does not fit the model or the data.
    #[error("{}", .0.message)]
    Refused(Box<Diagnostic>),
    /// A data config did not come with the step.
    #[error(transparent)]
    DataConfig(#[from] PluginError),
    /// The training ended early.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A folder could not be made.
    #[error("cannot create `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Several processes train, and this one does not know which it is.
    #[error("which of {ranks} ranks this process is, is not told: {}", told_rank(.told.as_deref()))]
    Rank {
        /// How many there are.
        ranks: usize,
        /// What a variable says instead of a number below that.
        told: Option<String>,
    },
    /// The ranks could not meet.
    #[error(transparent)]
    Collective(#[from] CollectiveError),
    /// Threads could not be started.
    #[error("cannot start {threads} threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
}

impl LoraError {
    fn code(&self) -> &str {
        match self {
            Self::Checkpoint(_) => "checkpoint",
            Self::Decoder(_) => "decoder",
            Self::Adapter(_) => "adapter",
            Self::Quant(_) => "quantization",
            Self::Refused(diagnostic) => &diagnostic.code,
            Self::DataConfig(error) => &error.code,
            Self::Train(TrainError::NotFinite { .. }) => "not-finite",
            Self::Train(TrainError::Save { .. } | TrainError::Events { .. })
            | Self::Folder { .. } => "io",
            Self::Train(TrainError::Resume { .. } | TrainError::OtherTraining { .. }) => "resume",
            Self::Train(TrainError::Collective { .. } | TrainError::OtherRank { .. })
            | Self::Rank { .. }
            | Self::Collective(_) => "ranks",
            Self::Train(_) => "training",
            Self::Threads { .. } => "threads",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::Adapter(error) => error.hint(),
            Self::Refused(diagnostic) => diagnostic.help.clone(),
            Self::Train(TrainError::NotFinite { .. }) => {
                Some("lower `learning_rate`, or `max_grad_norm`".into())
            }
            Self::Train(TrainError::Save { last, .. }) => {
                Some(format!("make room on the disk and run again: {}", next(last.as_deref())))
            }
            Self::Train(TrainError::Resume { .. } | TrainError::OtherTraining { .. }) => Some(
                "set `resume_from_checkpoint` to false to start anew, or to another folder".into(),
            ),
            Self::Train(TrainError::Collective { lost, saved }) => {
                let goes_on = next(saved.as_deref());
                Some(match look_at(lost) {
                    Some(look) => format!("{look}; run again: {goes_on}"),
                    None => format!("run again: {goes_on}"),
                })
            }
            Self::Collective(error) => look_at(error).map(str::to_owned),
            Self::Rank { .. } => {
                Some("start each worker with its own number, from 0, in `OLIVE_RANK`".into())
            }
            Self::Decoder(_)
            | Self::Quant(_)
            | Self::DataConfig(_)
            | Self::Train(_)
            | Self::Folder { .. }
            | Self::Threads { .. } => None,
        }
    }
}

impl From<Diagnostic> for LoraError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Refused(Box::new(diagnostic))
    }
}

impl From<LoraError> for PluginError {
    fn from(error: LoraError) -> Self {
        match error {
            LoraError::Train(TrainError::Cancelled { saved }) => match saved {
                Some(path) => {
                    Self::cancelled().with_help(format!("run again: {}", next(Some(&path))))
                }
                None => Self::cancelled(),
            },
            LoraError::DataConfig(error) => error,
            error => {
                let plain = Self::from_error(error.code(), &error);
                match error.hint() {
                    Some(hint) => plain.with_help(hint),
                    None => plain,
                }
            }
        }
    }
}

/// What tells more about a rank that is lost.
fn look_at(error: &CollectiveError) -> Option<&'static str> {
    match error {
        CollectiveError::Silent { .. } | CollectiveError::Missing { .. } => Some(
            "see in the system's log whether it still runs; with another `ddp_timeout` training \
             starts anew",
        ),
        CollectiveError::Left { .. } | CollectiveError::Differs { .. } => {
            Some("its own lines in the system's log say why")
        }
        CollectiveError::Backend { .. } | CollectiveError::Stuck { .. } => {
            Some("with `ddp_backend` `gloo` ranks do without it")
        }
        CollectiveError::NotBuilt { .. } => {
            Some("write `gloo` as `ddp_backend`, or build the plugin with that feature")
        }
        CollectiveError::Folder { .. } | CollectiveError::Listen(_) => None,
    }
}

fn told_rank(told: Option<&str>) -> String {
    match told {
        Some(told) => format!("`{told}` is none of them"),
        None => "neither `OLIVE_RANK` nor `SLURM_PROCID` is set".to_owned(),
    }
}

/// What a training does next whose newest checkpoint is `last`.
fn next(last: Option<&Path>) -> String {
    match last.and_then(checkpoint::step) {
        Some(step) => format!("training goes on after step {step}"),
        None => "training starts anew".to_owned(),
    }
}
