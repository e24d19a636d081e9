//! Why an adapter could not be merged.

use olive_kit_adapters::AdapterError;
use olive_kit_checkpoint::CheckpointError;
use olive_kit_quant::QuantError;
use thiserror::Error;

/// Why an adapter could not be merged.
#[derive(Debug, Error)]
pub enum MergeError {
    /// The model could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The adapter could not be read, or is for another model.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// A weight could not be quantized as it was for the training.
    #[error("`{name}` cannot be quantized as it was for the training")]
    Weight {
        /// Name of the weight.
        name: String,
        /// Why.
        source: QuantError,
    },
}

impl MergeError {
    /// What to try, when something can be.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::Adapter(error) => error.hint(),
            Self::Weight { .. } => None,
        }
    }
}
