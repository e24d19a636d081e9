//! The checkpoint that is written: in floats, or with packed layers.

use std::path::Path;

use olive_kit_checkpoint::{
    Checkpoint, CheckpointError, Decoder, Description, PackedCheckpoint, Tensor,
};

/// A checkpoint with all tensors that its decoder needs.
#[derive(Debug)]
pub(super) enum Source {
    /// In floats.
    Floats(Checkpoint),
    /// Packed by GPTQ, AWQ or Olive.
    Packed(PackedCheckpoint),
}

impl Source {
    /// Opens the checkpoint in `dir`.
    ///
    /// # Errors
    /// When it cannot be read, or is quantized in a way that is not read.
    pub(super) fn open(dir: &Path) -> Result<Self, CheckpointError> {
        if PackedCheckpoint::is_in(dir)? {
            let checkpoint = PackedCheckpoint::open(dir)?;
            checkpoint.validate()?;
            return Ok(Self::Packed(checkpoint));
        }
        let checkpoint = Checkpoint::open(dir)?;
        checkpoint.validate()?;
        Ok(Self::Floats(checkpoint))
    }

    /// All the config files say.
    pub(super) fn description(&self) -> &Description {
        match self {
            Self::Floats(checkpoint) => checkpoint.description(),
            Self::Packed(checkpoint) => checkpoint.description(),
        }
    }

    pub(super) fn decoder(&self) -> &Decoder {
        &self.description().decoder
    }

    /// A tensor in floats.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn tensor(&self, name: &str) -> Result<Tensor<'_>, CheckpointError> {
        match self {
            Self::Floats(checkpoint) => checkpoint.tensor(name),
            Self::Packed(checkpoint) => checkpoint.tensor(name),
        }
    }

    /// Gives the memory of a tensor back to the system.
    pub(super) fn release(&self, name: &str) {
        match self {
            Self::Floats(checkpoint) => checkpoint.release(name),
            Self::Packed(checkpoint) => checkpoint.release(name),
        }
    }
}
