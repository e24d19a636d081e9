//! The recipe's model, trained and merged: what quantizations are measured on.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::command;
use crate::demo;
use crate::error::ChoreError;
use crate::recipe::Recipe;
use crate::workspace::target;

/// The recipe on its own rows, or on those in the folder `data`, at the rate that suits these.
pub(super) fn recipe(data: Option<&Path>) -> Result<Recipe, ChoreError> {
    let mut recipe = Recipe::read()?;
    if let Some(data) = data {
        recipe.set_data(&data.canonicalize().map_err(ChoreError::file("find", data))?)?;
        recipe.set("/passes/lora/training_args/learning_rate", demo::OTHER_DATA_RATE)?;
    }
    Ok(recipe)
}

/// The folder of the model that `recipe` trains and merges; what an earlier call made is taken.
pub(super) fn tune(recipe: &Recipe, checkpoint: &Path) -> Result<PathBuf, ChoreError> {
    let folder = target().join("bench/tuned");
    let mut recipe = recipe.clone();
    recipe.remove("/passes", "builder")?;
    recipe.set("/engine/evaluator", json!(null))?;
    recipe.set("/engine/evaluate_input_model", false)?;
    let config = recipe.write(&folder)?;
    let output = folder.join("model");
    let mut olive = demo::olive(&["run", "--config"]);
    command::run(olive.arg(config).arg("-m").arg(checkpoint).arg("-o").arg(&output))?;
    Ok(output)
}
