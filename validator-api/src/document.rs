//! Reading settings out of a document without ceremony.

use olive_schemas::validation::PlannedStep;
use serde_json::{Map, Value};

/// The value at a JSON pointer of `value`, when there is one that is not `null`.
pub fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    value.pointer(pointer).filter(|found| !found.is_null())
}

/// A text setting.
pub fn text<'a>(config: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    config.get(key)?.as_str()
}

/// A whole number.
pub fn integer(config: &Map<String, Value>, key: &str) -> Option<i64> {
    config.get(key)?.as_i64()
}

/// A number.
pub fn number(config: &Map<String, Value>, key: &str) -> Option<f64> {
    config.get(key)?.as_f64()
}

/// A switch.
pub fn switch(config: &Map<String, Value>, key: &str) -> Option<bool> {
    config.get(key)?.as_bool()
}

/// JSON pointer of a setting of `step`, for a finding about it.
pub fn setting(step: &PlannedStep, key: &str) -> String {
    format!("{}/{}", step.pointer, escaped(key))
}

/// `key` as a JSON pointer spells it.
pub fn escaped(key: &str) -> String {
    olive_schemas::pointer::escape(key)
}
