//! Why an adapter could not be merged.

use olive_kit_adapters::AdapterError;
use olive_kit_checkpoint::CheckpointError;
use olive_kit_quant::QuantError;
use olive_plugin_api::PluginError;
use thiserror::Error;

/// What is told where there is nothing to merge.
pub(crate) const NO_ADAPTER: &str = "the input model has no adapter to merge";
/// What to try then.
pub(crate) const NO_ADAPTER_HELP: &str =
    "put a pass that trains an adapter before this one, or set `adapter_path` of the input model";

/// Why an adapter could not be merged.
#[derive(Debug, Error)]
pub enum MergeError {
    /// The model could not be read, or the result not written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The adapter could not be read, or is for another model.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// The input model comes without an adapter.
    #[error("{NO_ADAPTER}")]
    NoAdapter,
    /// A weight could not be quantized as it was for the training.
    #[error("`{name}` cannot be quantized as it was for the training")]
    Weight {
        /// Name of the weight.
        name: String,
        /// Why.
        source: QuantError,
    },
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

impl MergeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Checkpoint(_) | Self::Adapter(AdapterError::Checkpoint(_)) => "checkpoint",
            Self::Adapter(
                AdapterError::NoLayer { .. }
                | AdapterError::NoTensor { .. }
                | AdapterError::Misfit { .. },
            ) => "adapter-mismatch",
            Self::Adapter(AdapterError::Quantization { .. }) | Self::Weight { .. } => {
                "quantization"
            }
            Self::Adapter(_) => "adapter",
            Self::NoAdapter => "adapter-missing",
            Self::Threads { .. } => "threads",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::Adapter(error) => error.hint(),
            Self::NoAdapter => Some(NO_ADAPTER_HELP.into()),
            Self::Weight { .. } | Self::Threads { .. } | Self::Cancelled => None,
        }
    }
}

impl From<MergeError> for PluginError {
    fn from(error: MergeError) -> Self {
        if matches!(error, MergeError::Cancelled) {
            return Self::cancelled();
        }
        let plain = Self::from_error(error.code(), &error);
        match error.hint() {
            Some(hint) => plain.with_help(hint),
            None => plain,
        }
    }
}
