//! Why a checkpoint could not be measured or run.

use olive_kit_adapters::AdapterError;
use olive_kit_checkpoint::CheckpointError;
use olive_kit_decoder::DecoderError;
use olive_kit_text::TextError;
use olive_plugin_api::PluginError;
use thiserror::Error;

/// Why a checkpoint could not be measured or run.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// A file of the model or the adapter is missing or broken.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The adapter is missing, broken or for another model.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// The weights do not make a model.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
    /// A tokenizer that is missing or cannot be read.
    #[error(transparent)]
    Tokenizer(#[from] TextError),
    /// Threads could not be started.
    #[error("cannot start {threads} threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
}

impl EvaluateError {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Checkpoint(_)
            | Self::Decoder(DecoderError::Checkpoint(_))
            | Self::Adapter(AdapterError::Checkpoint(_)) => "checkpoint",
            Self::Adapter(
                AdapterError::NoLayer { .. }
                | AdapterError::NoTensor { .. }
                | AdapterError::Misfit { .. },
            ) => "adapter-mismatch",
            Self::Adapter(AdapterError::Quantization { .. }) => "quantization",
            Self::Adapter(_) => "adapter",
            Self::Decoder(_) => "decoder",
            Self::Tokenizer(_) => "tokenizer",
            Self::Threads { .. } => "threads",
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) | Self::Decoder(DecoderError::Checkpoint(error)) => {
                error.hint()
            }
            Self::Adapter(
                AdapterError::NoLayer { .. }
                | AdapterError::NoTensor { .. }
                | AdapterError::Misfit { .. },
            ) => Some("give the adapter the model it was trained on".to_owned()),
            Self::Adapter(error) => error.hint(),
            _ => None,
        }
    }
}

impl From<EvaluateError> for PluginError {
    fn from(error: EvaluateError) -> Self {
        let plain = Self::from_error(error.code(), &error);
        match error.help() {
            Some(help) => plain.with_help(help),
            None => plain,
        }
    }
}
