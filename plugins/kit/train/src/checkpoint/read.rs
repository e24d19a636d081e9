//! Reading a checkpoint back.

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_adapters::{Adapters, PREFIX, Parameter, WEIGHTS};
use olive_kit_checkpoint::{Dtype, SafetensorsFile};
use safetensors::SafeTensors;

use super::identity::Identity;
use super::state::TrainerState;
use super::{OPTIMIZER, STATE, list};
use crate::error::TrainError;
use crate::optimizer::Optimizer;

/// [`resume`] from the newest checkpoint in a folder that can be read; `skipped` hears of newer ones
/// that cannot. `None` when there is no checkpoint at all.
///
/// # Errors
/// When none can be read, or the newest that can is of another training.
pub(crate) fn resume_newest(
    dir: &Path,
    identity: Option<&Identity>,
    adapters: &mut Adapters,
    optimizer: &mut Optimizer,
    skipped: &mut dyn FnMut(&TrainError),
) -> Result<Option<(PathBuf, TrainerState)>, TrainError> {
    let mut first_error = None;
    for (_, path) in list(dir).into_iter().rev() {
        match resume(&path, identity, adapters, optimizer) {
            Ok(state) => return Ok(Some((path, state))),
            Err(error @ TrainError::Resume { .. }) => {
                skipped(&error);
                first_error.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    first_error.map_or(Ok(None), Err)
}

/// Sets adapters and optimizer to those of a checkpoint and returns its state.
///
/// # Errors
/// When it is not whole, or of another training and `identity` is given.
pub(crate) fn resume(
    dir: &Path,
    identity: Option<&Identity>,
    adapters: &mut Adapters,
    optimizer: &mut Optimizer,
) -> Result<TrainerState, TrainError> {
    let refused = |problem| TrainError::Resume { path: dir.to_owned(), problem };
    let path = dir.join(STATE);
    let text =
        fs::read(&path).map_err(|error| refused(format!("cannot read `{STATE}`: {error}")))?;
    let state: TrainerState = serde_json::from_slice(&text).map_err(|error| {
        refused(format!("`{STATE}` is not one that this trainer wrote: {error}"))
    })?;
    let difference = match (identity, &state.own().identity) {
        (Some(identity), Some(checkpoint)) => identity.difference(checkpoint),
        _ => None,
    };
    if let Some(difference) = difference {
        return Err(TrainError::OtherTraining { path: dir.to_owned(), difference });
    }
    let values = read_values(dir, &adapters.parameters)?;
    let bytes = fs::read(dir.join(OPTIMIZER))
        .map_err(|error| refused(format!("cannot read `{OPTIMIZER}`: {error}")))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| refused(format!("`{OPTIMIZER}` is not whole: {error}")))?;
    optimizer
        .restore(state.global_step, &adapters.parameters, &file)
        .map_err(|error| refused(error.to_string()))?;
    for (parameter, values) in adapters.parameters.iter_mut().zip(values) {
        parameter.values = values;
    }
    Ok(state)
}

/// The values of these parameters in a checkpoint.
///
/// # Errors
/// When one is missing or has another shape or type.
pub(crate) fn read_values(
    dir: &Path,
    parameters: &[Parameter],
) -> Result<Vec<Vec<f32>>, TrainError> {
    let refused = |problem| TrainError::Resume { path: dir.to_owned(), problem };
    let file = SafetensorsFile::open(&dir.join(WEIGHTS)).map_err(|e| refused(e.to_string()))?;
    let read = |parameter: &Parameter| {
        let tensor = file
            .tensor(&format!("{PREFIX}{}", parameter.name))
            .map_err(|error| refused(error.to_string()))?;
        if tensor.dtype != Dtype::F32 || tensor.shape != parameter.shape {
            return Err(refused(format!(
                "`{}` is {:?} {:?}, and F32 {:?} is needed",
                parameter.name, tensor.dtype, tensor.shape, parameter.shape
            )));
        }
        Ok(tensor.to_f32().into_owned())
    };
    parameters.iter().map(read).collect()
}
