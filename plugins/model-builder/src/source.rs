//! Where a model is read from.

use olive_kit_checkpoint::{Checkpoint, Description, PackedCheckpoint};
use olive_kit_weights::{ModelFiles, WeightSource, open_checkpoint, open_gguf};
use olive_plugin_api::{Model, ModelKind};

use crate::adapter::WithAdapter;
use crate::error::BuildError;
use crate::options::BuildOptions;

/// Opens a model with its weights: a folder, its adapter merged, or a GGUF file.
///
/// # Errors
/// When it cannot be read, or its adapter is for another model.
pub(crate) fn open(model: &Model) -> Result<Box<dyn WeightSource>, BuildError> {
    let path = &model.model_path;
    Ok(match model.kind {
        ModelKind::Gguf => open_gguf(path)?,
        ModelKind::Hf | ModelKind::Onnx => {
            open_checkpoint(path, model.adapter_path.as_deref(), &model.model_attributes)?
        }
    })
}

/// The same with the adapter beside it that the options keep.
///
/// # Errors
/// As [`open`], and when that adapter cannot be read or has no place in the graph.
pub(crate) fn open_for(
    options: &BuildOptions,
    model: &Model,
) -> Result<Box<dyn WeightSource>, BuildError> {
    let weights = open(model)?;
    match &options.adapter {
        Some(dir) => Ok(Box::new(WithAdapter::open(weights, dir, options.layout)?)),
        None => Ok(weights),
    }
}

/// What a model is, and its files besides weights; these need not be there where nothing changes
/// them.
///
/// # Errors
/// As [`open`].
pub(crate) fn describe(model: &Model) -> Result<(Description, ModelFiles), BuildError> {
    let dir = &model.model_path;
    let is_changed = match model.kind {
        ModelKind::Gguf => true,
        ModelKind::Hf => {
            model.adapter_path.is_some()
                || PackedCheckpoint::is_in(dir)?
                || Checkpoint::describe_quantized(dir)?.quantization.is_some()
        }
        ModelKind::Onnx => false,
    };
    if is_changed {
        let source = open(model)?;
        return Ok((source.description().clone(), source.files().clone()));
    }
    Ok((Checkpoint::describe(dir)?, ModelFiles::of_folder(dir)))
}
