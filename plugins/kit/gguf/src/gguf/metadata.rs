//! What a GGUF file says besides its tensors: typed reading with errors that name file and key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::GgufError;

/// One value of the metadata.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// An integer of any width.
    Integer(i128),
    /// A number. A single is the shortest decimal that reads back as it: `1e-5`, not `9.99…e-6`.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A string.
    Text(String),
    /// Values of one type.
    List(Vec<Value>),
}

/// Metadata by key, and the file it is from.
#[derive(Debug)]
pub struct Metadata {
    path: PathBuf,
    values: BTreeMap<String, Value>,
}

impl Metadata {
    pub(crate) fn new(path: &Path, values: BTreeMap<String, Value>) -> Self {
        Self { path: path.to_owned(), values }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a value under `key`.
    pub fn contains(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The positive integer under `key`.
    ///
    /// # Errors
    /// When it is missing or another value.
    pub fn count(&self, key: &str) -> Result<usize, GgufError> {
        self.required(key, self.optional_count(key)?)
    }

    /// The positive integer under `key`, if there is one.
    ///
    /// # Errors
    /// When it is another value.
    pub fn optional_count(&self, key: &str) -> Result<Option<usize>, GgufError> {
        self.typed(key, "a positive integer below 2^31", |value| match value {
            Value::Integer(count) if (1..1 << 31).contains(count) => usize::try_from(*count).ok(),
            _ => None,
        })
    }

    /// The token id under `key`, if there is one.
    ///
    /// # Errors
    /// When it is another value.
    pub(crate) fn token_id(&self, key: &str) -> Result<Option<u32>, GgufError> {
        self.typed(key, "a token id", |value| match value {
            Value::Integer(id) => u32::try_from(*id).ok(),
            _ => None,
        })
    }

    /// The finite number under `key`, if there is one.
    ///
    /// # Errors
    /// When it is another value.
    pub(crate) fn optional_number(&self, key: &str) -> Result<Option<f64>, GgufError> {
        self.typed(key, "a number", |value| match value {
            Value::Number(number) if number.is_finite() => Some(*number),
            _ => None,
        })
    }

    /// The finite number under `key`.
    ///
    /// # Errors
    /// When it is missing or another value.
    pub fn number(&self, key: &str) -> Result<f64, GgufError> {
        self.required(key, self.optional_number(key)?)
    }

    /// The flag under `key`; false when there is none.
    ///
    /// # Errors
    /// When it is another value.
    pub fn flag(&self, key: &str) -> Result<bool, GgufError> {
        let flag = self.typed(key, "true or false", |value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        });
        Ok(flag?.unwrap_or(false))
    }

    /// The string under `key`, if there is one.
    ///
    /// # Errors
    /// When it is another value.
    pub(crate) fn optional_text(&self, key: &str) -> Result<Option<&str>, GgufError> {
        self.typed(key, "a string", text)
    }

    /// The string under `key`.
    ///
    /// # Errors
    /// When it is missing or another value.
    pub fn text(&self, key: &str) -> Result<&str, GgufError> {
        self.required(key, self.optional_text(key)?)
    }

    /// The strings under `key`.
    ///
    /// # Errors
    /// When they are missing or another value.
    pub fn texts(&self, key: &str) -> Result<Vec<&str>, GgufError> {
        let texts = self.typed(key, "a list of strings", |value| match value {
            Value::List(values) => values.iter().map(text).collect::<Option<Vec<_>>>(),
            _ => None,
        });
        self.required(key, texts?)
    }

    /// The integers under `key`, if there are any.
    ///
    /// # Errors
    /// When they are another value.
    pub(crate) fn optional_integers(&self, key: &str) -> Result<Option<Vec<i128>>, GgufError> {
        let integer = |value: &Value| match value {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        };
        self.typed(key, "a list of integers", |value| match value {
            Value::List(values) => values.iter().map(integer).collect(),
            _ => None,
        })
    }

    /// An error about the content of the file.
    pub(crate) fn error(&self, problem: impl Into<String>) -> GgufError {
        GgufError::Content { path: self.path.clone(), problem: problem.into() }
    }

    fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, GgufError> {
        value.ok_or_else(|| self.error(format!("metadata `{key}` is missing")))
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, GgufError> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        let read = read(value);
        read.map(Some)
            .ok_or_else(|| self.error(format!("metadata `{key}` is not {expected}, as it must be")))
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
