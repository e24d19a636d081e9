//! The recipe of `examples/phrase-tone`, and variants of it for the demo and the measurements.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::ChoreError;
use crate::workspace::root;

/// A workflow that starts as the example and may be changed value by value.
#[derive(Debug, Clone)]
pub(crate) struct Recipe(Value);

impl Recipe {
    /// The example's config file.
    pub(crate) fn example() -> PathBuf {
        root().join("examples/phrase-tone/olive-config.json")
    }

    /// The example, its data files made absolute and its cache beside where it is written.
    pub(crate) fn read() -> Result<Self, ChoreError> {
        Self::of(&Self::example())
    }

    /// The example that tries quantizers, its files as in [`Self::read`].
    pub(crate) fn quantizers() -> Result<Self, ChoreError> {
        Self::of(&root().join("examples/phrase-tone/quantizers.json"))
    }

    fn of(example: &Path) -> Result<Self, ChoreError> {
        let mut recipe = Self(read_json(example)?);
        recipe.set_data(&root().join("examples/phrase-tone"))?;
        recipe.set("/engine/cache_dir", "cache")?;
        Ok(recipe)
    }

    /// The value at a JSON pointer.
    pub(crate) fn value(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    /// Reads `train.json` and `test.json` from `folder`, an absolute path.
    pub(crate) fn set_data(&mut self, folder: &Path) -> Result<(), ChoreError> {
        for (index, name) in ["train.json", "test.json"].into_iter().enumerate() {
            let file = folder.join(name);
            let pointer = format!("/data_configs/{index}/load_dataset_config/data_files");
            self.set(&pointer, file.to_string_lossy())?;
        }
        Ok(())
    }

    /// Replaces the value at a JSON pointer of the example.
    pub(crate) fn set(&mut self, pointer: &str, value: impl Into<Value>) -> Result<(), ChoreError> {
        let Some(place) = self.0.pointer_mut(pointer) else {
            return Err(lacks(pointer));
        };
        *place = value.into();
        Ok(())
    }

    /// Removes `key` of the object at a JSON pointer of the example.
    pub(crate) fn remove(&mut self, pointer: &str, key: &str) -> Result<(), ChoreError> {
        let object = self.0.pointer_mut(pointer).and_then(Value::as_object_mut);
        match object.and_then(|object| object.remove(key)) {
            Some(_) => Ok(()),
            None => Err(lacks(&format!("{pointer}/{key}"))),
        }
    }

    /// The text at a JSON pointer of the example.
    pub(crate) fn text(&self, pointer: &str) -> Result<&str, ChoreError> {
        self.0.pointer(pointer).and_then(Value::as_str).ok_or_else(|| lacks(pointer))
    }

    /// Writes it as `olive-config.json` into `folder`.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, ChoreError> {
        fs::create_dir_all(folder).map_err(ChoreError::file("create", folder))?;
        let path = folder.join("olive-config.json");
        fs::write(&path, format!("{:#}\n", self.0)).map_err(ChoreError::file("write", &path))?;
        Ok(path)
    }
}

fn lacks(pointer: &str) -> ChoreError {
    let problem = format!("it has no `{pointer}`");
    ChoreError::Content { path: Recipe::example(), problem }
}

/// The JSON in the file at `path`.
pub(crate) fn read_json(path: &Path) -> Result<Value, ChoreError> {
    let text = fs::read_to_string(path).map_err(ChoreError::file("read", path))?;
    serde_json::from_str(&text)
        .map_err(|error| ChoreError::Content { path: path.to_owned(), problem: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::Recipe;

    #[test]
    fn the_example_has_what_variants_change() {
        let mut recipe = Recipe::read().unwrap();
        recipe.set("/passes/lora/training_args/max_steps", -1).unwrap();
        recipe.set("/evaluators", serde_json::json!({})).unwrap();
        let error = recipe.set("/passes/lora/nonsense", 1).unwrap_err().to_string();
        assert!(error.contains("/passes/lora/nonsense"), "{error}");
    }
}
