//! Which source a model is read from.

use std::collections::BTreeMap;
use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, PackedCheckpoint};
use serde_json::Value;

use crate::checkpoint::CheckpointWeights;
use crate::error::WeightError;
use crate::gguf::GgufWeights;
use crate::merged::MergedWeights;
use crate::packed::PackedWeights;
use crate::source::WeightSource;

/// Opens the checkpoint in the folder `dir` with the adapter in the folder `adapter`, if there is
/// one, merged; `attributes` of the model say how its weights were held while that was trained.
///
/// # Errors
/// When one cannot be read or they do not fit each other.
pub fn open_checkpoint(
    dir: &Path,
    adapter: Option<&Path>,
    attributes: &BTreeMap<String, Value>,
) -> Result<Box<dyn WeightSource>, WeightError> {
    if adapter.is_none() && PackedCheckpoint::is_in(dir)? {
        return Ok(Box::new(PackedWeights::open(dir)?));
    }
    let is_quantized = Checkpoint::describe_quantized(dir)?.quantization.is_some();
    Ok(match adapter {
        None if !is_quantized => Box::new(CheckpointWeights::open(dir)?),
        // Without an adapter, nothing was trained on what the attributes tell of.
        None => Box::new(MergedWeights::open(dir, None, &BTreeMap::new())?),
        Some(_) => Box::new(MergedWeights::open(dir, adapter, attributes)?),
    })
}

/// Opens the GGUF file at `path`.
///
/// # Errors
/// When it cannot be read or holds another model than is known.
pub fn open_gguf(path: &Path) -> Result<Box<dyn WeightSource>, WeightError> {
    Ok(Box::new(GgufWeights::open(path)?))
}
