//! Why weights could not be read.

use olive_kit_checkpoint::CheckpointError;
use olive_kit_gguf::GgufError;
use olive_kit_merge::MergeError;
use thiserror::Error;

/// Why weights could not be read.
#[derive(Debug, Error)]
pub enum WeightError {
    /// The checkpoint could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The adapter could not be merged, or codes not made floats.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The GGUF file could not be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
}

impl WeightError {
    /// What to try, when something can be.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::Merge(error) => error.hint(),
            Self::Gguf(error) => error.hint(),
        }
    }
}
