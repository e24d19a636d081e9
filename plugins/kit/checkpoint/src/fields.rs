//! Typed reading of a JSON object's settings, with errors that name file, key and value.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::CheckpointError;

/// A JSON object and the file it is from. A `null` reads as absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    path: &'a Path,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(path: &'a Path, map: &'a Map<String, Value>) -> Self {
        Self { path, map }
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// The object.
    pub(crate) fn map(&self) -> &'a Map<String, Value> {
        self.map
    }

    /// The file.
    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    /// Whether `key` is there, be its value null.
    pub(crate) fn is_given(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// The object under `key`.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Fields<'a>>, CheckpointError> {
        self.typed(key, "an object", |value| Some(Fields::new(self.path, value.as_object()?)))
    }

    /// The positive integer under `key`.
    pub(crate) fn count(&self, key: &str) -> Result<usize, CheckpointError> {
        self.optional_count(key)?.ok_or_else(|| self.error(format!("`{key}` is missing")))
    }

    /// The positive integer under `key`, if there is one.
    pub(crate) fn optional_count(&self, key: &str) -> Result<Option<usize>, CheckpointError> {
        self.typed(key, "a positive integer below 2^31", |value| {
            let count = u32::try_from(value.as_u64()?).ok()?;
            (1..1 << 31).contains(&count).then_some(count as usize)
        })
    }

    /// The integer under `key`, 0 or more, if there is one.
    pub(crate) fn natural(&self, key: &str) -> Result<Option<usize>, CheckpointError> {
        self.typed(key, "an integer from 0 below 2^31", |value| {
            let count = u32::try_from(value.as_u64()?).ok()?;
            (count < 1 << 31).then_some(count as usize)
        })
    }

    /// The finite number under `key`.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, CheckpointError> {
        self.typed(key, "a number", |value| value.as_f64().filter(|number| number.is_finite()))
    }

    /// The list of numbers under `key`.
    pub(crate) fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, CheckpointError> {
        self.typed(key, "a list of numbers", |value| {
            value.as_array()?.iter().map(Value::as_f64).collect()
        })
    }

    /// The boolean under `key`.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, CheckpointError> {
        self.typed(key, "true or false", Value::as_bool)
    }

    /// The string under `key`.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, CheckpointError> {
        self.typed(key, "a string", Value::as_str)
    }

    /// One token id or a list of them.
    pub(crate) fn token_ids(&self, key: &str) -> Result<Option<Vec<u32>>, CheckpointError> {
        let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
        self.typed(key, "a token id or a list of them", |value| match value {
            Value::Array(values) => values.iter().map(id).collect(),
            value => id(value).map(|id| vec![id]),
        })
    }

    /// An error about this file.
    pub(crate) fn error(&self, problem: impl Into<String>) -> CheckpointError {
        CheckpointError::config(self.path, problem)
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, CheckpointError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let read = read(value);
        read.map(Some)
            .ok_or_else(|| self.error(format!("`{key}` is {value}, but must be {expected}")))
    }
}
