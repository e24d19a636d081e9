//! Numbers of graphs in JSON, which has no infinities, and whose readers often have doubles only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest whole number up to which a double holds every one: 2⁵³.
const EXACT: u64 = 1 << 53;

/// A number of a graph.
///
/// A number in JSON; as a text what JSON or a double cannot hold: whole numbers beyond 2⁵³ in
/// decimal digits, `NaN`, `Infinity` and `-Infinity`. Readers may write either form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Number(#[schemars(extend("type" = ["number", "string", "boolean"]))] Value);

impl Number {
    /// As a whole number, when it is one that 64 bits with a sign hold.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Value::String(text) => text.parse().ok(),
            Value::Bool(is) => Some(i64::from(*is)),
            Value::Number(number) => number.as_i64().or_else(|| {
                let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
                // From JavaScript, `1` may come as `1.0`.
                #[expect(clippy::cast_possible_truncation, reason = "whole and in the range")]
                (float.abs() <= EXACT as f64).then_some(float as i64)
            }),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// As a whole number, when it is one that 64 bits without a sign hold.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) if number.is_u64() => number.as_u64(),
            _ => self.as_i64().and_then(|number| u64::try_from(number).ok()),
        }
    }

    /// As the nearest double.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.0 {
            Value::String(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                _ => text.parse::<i64>().ok().map(|number| number as f64),
            },
            Value::Bool(is) => Some(f64::from(u8::from(*is))),
            Value::Number(number) => number.as_f64(),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        let is_exact = number.unsigned_abs() <= EXACT;
        Self(if is_exact { number.into() } else { number.to_string().into() })
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(if number <= EXACT { number.into() } else { number.to_string().into() })
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        if number.is_finite() {
            return Self(number.into());
        }
        let text = match number {
            _ if number.is_nan() => "NaN",
            _ if number > 0.0 => "Infinity",
            _ => "-Infinity",
        };
        Self(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(number: impl Into<Number>) -> String {
        serde_json::to_string(&number.into()).unwrap()
    }

    #[test]
    fn numbers_that_a_double_does_not_hold_are_texts() {
        assert_eq!(json(9_007_199_254_740_992_i64), "9007199254740992");
        assert_eq!(json(i64::MAX), r#""9223372036854775807""#);
        assert_eq!(json(i64::MIN), r#""-9223372036854775808""#);
        assert_eq!(json(u64::MAX), r#""18446744073709551615""#);
        assert_eq!(json(f64::NEG_INFINITY), r#""-Infinity""#);
        assert_eq!(json(0.1), "0.1");
    }

    #[test]
    fn both_forms_are_read() {
        let read = |text: &str| serde_json::from_str::<Number>(text).unwrap();
        assert_eq!(read(r#""9223372036854775807""#).as_i64(), Some(i64::MAX));
        assert_eq!(read(r#""18446744073709551615""#).as_u64(), Some(u64::MAX));
        assert_eq!((read("3.0").as_i64(), read("3").as_u64()), (Some(3), Some(3)));
        assert_eq!((read("3.5").as_i64(), read("-1").as_u64()), (None, None));
        assert_eq!((read("true").as_i64(), read("null").as_f64()), (Some(1), None));
        assert_eq!(read(r#""Infinity""#).as_f64(), Some(f64::INFINITY));
        assert_eq!(read(r#""one""#).as_f64(), None);
        assert!(read(r#""NaN""#).as_f64().unwrap().is_nan());
        assert_eq!(read(&i64::MAX.to_string()).as_i64(), Some(i64::MAX));
    }
}
