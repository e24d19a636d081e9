//! What a text without quotes stands for, by the core schema of YAML 1.2.

use std::ops::Range;

use serde_json::{Number, Value};

use crate::config::Finding;
use crate::config::parse::syntax_error;

/// The value of a plain scalar that stands at `range`.
///
/// `1e-4` is a number, as in JSON; `yes` and `on` are texts.
pub(super) fn plain(text: &str, range: &Range<usize>) -> Result<Value, Finding> {
    let value =
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            _ if is_infinite(text) => {
                let message = format!("`{text}` is no number of a config");
                return Err(syntax_error(message, range.clone()));
            }
            _ if is_number(text) => Value::Number(number(text).ok_or_else(|| {
                syntax_error(format!("number `{text}` is too large"), range.clone())
            })?),
            _ => Value::String(text.to_owned()),
        };
    Ok(value)
}

fn is_infinite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn is_number(text: &str) -> bool {
    if let Some((radix, digits)) = prefixed(text) {
        return !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_exponent = |text: &str| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        !digits.is_empty() && are_digits(digits)
    };
    (!whole.is_empty() || !fraction.is_empty())
        && are_digits(whole)
        && are_digits(fraction)
        && exponent.is_none_or(is_exponent)
}

fn prefixed(text: &str) -> Option<(u32, &str)> {
    let octal = text.strip_prefix("0o").map(|digits| (8, digits));
    octal.or_else(|| text.strip_prefix("0x").map(|digits| (16, digits)))
}

/// A number that is written as one; integers stay integers where they fit.
fn number(text: &str) -> Option<Number> {
    if let Some((radix, digits)) = prefixed(text) {
        return u64::from_str_radix(digits, radix).ok().map(Number::from);
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let whole = unsigned.parse::<u64>().map(Number::from);
    let whole = whole.or_else(|_| unsigned.parse::<i64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(unsigned.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::plain;

    #[test]
    fn the_core_schema_tells_types() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("True", json!(true)),
            ("yes", json!("yes")),
            ("007", json!(7)),
            ("-12", json!(-12)),
            ("+3", json!(3)),
            ("0o17", json!(15)),
            ("0xff", json!(255)),
            ("0xfg", json!("0xfg")),
            ("1e-4", json!(1e-4)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("-.5E+2", json!(-50.0)),
            ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
            ("1_000", json!("1_000")),
            ("1.2.3", json!("1.2.3")),
            (".", json!(".")),
            ("-", json!("-")),
            ("e5", json!("e5")),
            ("2024-01-01", json!("2024-01-01")),
            ("int4", json!("int4")),
        ] {
            assert_eq!(plain(text, &(0..0)), Ok(value), "{text}");
        }
    }
}
