//! Why weights could not be read.

use olive_kit_checkpoint::CheckpointError;
use thiserror::Error;

/// Why weights could not be read.
#[derive(Debug, Error)]
pub enum WeightError {
    /// The checkpoint could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl WeightError {
    /// What to try, when something can be.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
        }
    }
}
