//! Why an adapter could not be merged.

use olive_kit_checkpoint::CheckpointError;
use olive_plugin_api::PluginError;
use thiserror::Error;

use crate::merge::{NO_ADAPTER, NO_ADAPTER_HELP};

/// Why an adapter could not be merged.
#[derive(Debug, Error)]
pub enum MergeError {
    /// The model or the adapter could not be read, or the result not written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The input model comes without an adapter.
    #[error("{NO_ADAPTER}")]
    NoAdapter,
    /// The adapter changes a layer that the model does not have.
    #[error("the adapter changes `{module}`, which is no linear layer of the model")]
    NoLayer {
        /// Module path in the adapter.
        module: String,
    },
    /// The adapter's factors do not fit the layer they change.
    #[error(
        "the adapter changes `{module}` as a layer of {found_in} inputs and {found_out} outputs, \
         but it has {in_features} and {out_features}"
    )]
    Misfit {
        /// Module path in the adapter.
        module: String,
        /// Width of the input the adapter was made for.
        found_in: usize,
        /// Width of the output the adapter was made for.
        found_out: usize,
        /// Width of the layer's input.
        in_features: usize,
        /// Width of the layer's output.
        out_features: usize,
    },
    /// The adapter changes one of two layers that share a weight.
    #[error(
        "the adapter changes `{module}`, but the model uses one weight as embedding and `lm_head`"
    )]
    Tied {
        /// Module path in the adapter.
        module: String,
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
            Self::Checkpoint(_) => "checkpoint",
            Self::NoAdapter => "adapter-missing",
            Self::NoLayer { .. } | Self::Misfit { .. } => "adapter-mismatch",
            Self::Tied { .. } => "tied-embeddings",
            Self::Threads { .. } => "threads",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::NoAdapter => Some(NO_ADAPTER_HELP.into()),
            Self::NoLayer { .. } | Self::Misfit { .. } => {
                Some("merge the adapter into the model it was trained on".into())
            }
            Self::Tied { .. } => {
                Some("train the adapter without `lm_head` in `target_modules`".into())
            }
            Self::Threads { .. } | Self::Cancelled => None,
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
