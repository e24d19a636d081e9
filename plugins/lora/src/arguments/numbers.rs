//! Numbers of steps: whole ones, which transformers also takes as floats, or shares below 1.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// Schema of numbers that are neither whole nor a share: more than 1, with a fraction.
pub(super) fn broken() -> Value {
    json!({"exclusiveMinimum": 1, "not": {"multipleOf": 1}})
}

/// A number of steps, or a share of all.
pub(super) fn steps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    checked(f64::deserialize(deserializer)?)
}

/// The same, or `null`.
pub(super) fn optional_steps<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    Option::<f64>::deserialize(deserializer)?.map(checked).transpose()
}

/// The same, or 0.
pub(super) fn steps_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match f64::deserialize(deserializer)? {
        0.0 => Ok(0.0),
        steps => checked(steps),
    }
}

fn checked<E: Error>(steps: f64) -> Result<f64, E> {
    if steps > 0.0 && (steps < 1.0 || steps.fract() == 0.0) {
        return Ok(steps);
    }
    Err(E::custom(format!("{steps} is neither a whole number of steps nor a share of all steps")))
}
