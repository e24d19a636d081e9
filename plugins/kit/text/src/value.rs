//! Values of a row, and their text.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// Values one after the other.
    List(Vec<Value>),
    /// Named values, in the order of their file.
    Object(Vec<(String, Value)>),
    /// Something that templates have no use for, by its name: `bytes`.
    Other(&'static str),
}

impl Value {
    /// The value as Python's `str` writes it (`None`, `True`, `1e-05`), which is what Olive's
    /// templates insert; for what is no single value, what it is instead.
    pub(crate) fn text(&self) -> Result<String, &'static str> {
        match self {
            Self::Null => Ok("None".into()),
            Self::Bool(true) => Ok("True".into()),
            Self::Bool(false) => Ok("False".into()),
            Self::Integer(value) => Ok(value.to_string()),
            Self::Float(value) => Ok(float_text(*value)),
            Self::Text(text) => Ok(text.clone()),
            Self::List(_) => Err("a list"),
            Self::Object(_) => Err("an object"),
            Self::Other(kind) => Err(kind),
        }
    }
}

/// What chat templates see; [`Value::Other`] is its name in angle brackets, as in transformers.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => out.serialize_unit(),
            Self::Bool(value) => out.serialize_bool(*value),
            Self::Integer(value) => match i64::try_from(*value) {
                Ok(value) => out.serialize_i64(value),
                Err(_) => out.serialize_i128(*value),
            },
            Self::Float(value) => out.serialize_f64(*value),
            Self::Text(text) => out.serialize_str(text),
            Self::List(values) => out.collect_seq(values),
            Self::Object(members) => {
                let mut map = out.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Other(kind) => out.serialize_str(&format!("<{kind}>")),
        }
    }
}

/// Shortest digits that read back as `value`; Python's exponents have a sign and two digits.
pub(crate) fn float_text(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string().to_lowercase();
    }
    let plain = format!("{value:?}");
    let Some((digits, exponent)) = plain.split_once('e') else { return plain };
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => match (number.as_i128(), number.as_f64()) {
                (Some(integer), _) => Self::Integer(integer),
                (None, Some(float)) => Self::Float(float),
                (None, None) => Self::Text(number.to_string()),
            },
            Json::String(text) => Self::Text(text),
            Json::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Json::Object(members) => Self::Object(
                members.into_iter().map(|(name, value)| (name, value.into())).collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    fn check(value: &Value, expected: &str) {
        assert_eq!(value.text().unwrap(), expected);
    }

    /// Expected texts from Python's `str`.
    #[test]
    fn values_are_written_as_python_does() {
        check(&Value::Null, "None");
        check(&Value::Bool(true), "True");
        check(&Value::Integer(-7), "-7");
        for (value, expected) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (1e-4, "0.0001"),
            (1e300, "1e+300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            check(&Value::Float(value), expected);
        }
        assert_eq!(Value::Other("bytes").text(), Err("bytes"));
        assert_eq!(Value::List(Vec::new()).text(), Err("a list"));
    }
}
