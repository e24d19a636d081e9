//! The model that a step starts from.

use olive_kit_checkpoint::Checkpoint;
use olive_plugin_api::Model;

use crate::error::QuantizeError;

/// A model that steps before this one will change: its weights may be in 4 bits still.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn ancestor(input: &Model) -> Result<Checkpoint, QuantizeError> {
    let checkpoint = Checkpoint::open_quantized(&input.model_path)?;
    checkpoint.validate()?;
    Ok(checkpoint)
}

/// A model in floats.
///
/// # Errors
/// When it cannot be read, or is in codes.
pub(crate) fn open(input: &Model) -> Result<Checkpoint, QuantizeError> {
    let checkpoint = Checkpoint::open(&input.model_path)?;
    checkpoint.validate()?;
    Ok(checkpoint)
}
