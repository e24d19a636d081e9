//! Why a checkpoint could not be run.

use olive_kit_adapters::AdapterError;
use olive_kit_checkpoint::CheckpointError;
use olive_kit_decoder::DecoderError;
use olive_kit_text::TextError;
use thiserror::Error;

/// Why a checkpoint could not be run.
#[derive(Debug, Error)]
pub enum InferenceError {
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
}

impl InferenceError {
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
        }
    }

    /// What to do about it, where that is known.
    pub fn help(&self) -> Option<String> {
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
            Self::Decoder(_) | Self::Tokenizer(_) => None,
        }
    }
}
