//! Why the step ended without a merged model.

use olive_kit_adapters::AdapterError;
use olive_kit_checkpoint::CheckpointError;
use olive_kit_merge::MergeError;
use olive_plugin_api::PluginError;
use thiserror::Error;

/// What is told where there is nothing to merge.
pub(crate) const NO_ADAPTER: &str = "the input model has no adapter to merge";
/// What to try then.
pub(crate) const NO_ADAPTER_HELP: &str =
    "put a pass that trains an adapter before this one, or set `adapter_path` of the input model";

/// Why the step ended without a merged model.
#[derive(Debug, Error)]
pub enum StepError {
    /// Model and adapter could not be read or merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The result could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The input model comes without an adapter.
    #[error("{NO_ADAPTER}")]
    NoAdapter,
    /// Threads could not be started.
    #[error("cannot start {threads} threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
    /// The step was asked to stop.
    #[error("the merge was cancelled")]
    Cancelled,
}

impl StepError {
    fn code(&self) -> &'static str {
        match self {
            Self::Merge(error) => merge_code(error),
            Self::Checkpoint(_) => "checkpoint",
            Self::NoAdapter => "adapter-missing",
            Self::Threads { .. } => "threads",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Merge(error) => error.hint(),
            Self::Checkpoint(error) => error.hint(),
            Self::NoAdapter => Some(NO_ADAPTER_HELP.into()),
            Self::Threads { .. } | Self::Cancelled => None,
        }
    }
}

fn merge_code(error: &MergeError) -> &'static str {
    match error {
        MergeError::Checkpoint(_) | MergeError::Adapter(AdapterError::Checkpoint(_)) => {
            "checkpoint"
        }
        MergeError::Adapter(
            AdapterError::NoLayer { .. }
            | AdapterError::NoTensor { .. }
            | AdapterError::Misfit { .. },
        ) => "adapter-mismatch",
        MergeError::Adapter(AdapterError::Quantization { .. }) | MergeError::Weight { .. } => {
            "quantization"
        }
        MergeError::Adapter(_) => "adapter",
    }
}

impl From<StepError> for PluginError {
    fn from(error: StepError) -> Self {
        if matches!(error, StepError::Cancelled) {
            return Self::cancelled();
        }
        let plain = Self::from_error(error.code(), &error);
        match error.hint() {
            Some(hint) => plain.with_help(hint),
            None => plain,
        }
    }
}
