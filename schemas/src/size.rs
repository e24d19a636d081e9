//! Sizes as people write them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const KIB: f64 = 1024.0;
/// Letters before the `B` of bytes, each a thousand times the one before.
const PREFIXES: [&str; 5] = ["", "k", "m", "g", "t"];

/// A size: bytes, or a number with a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Size {
    /// Bytes.
    Bytes(u64),
    /// A number with a unit, such as `86 MiB` or `1.5GB`.
    Text(
        #[schemars(
            regex(pattern = r"^\s*[0-9]+(\.[0-9]+)?\s*([kKMGT]i?)?B?\s*$"),
            extend("patternErrorMessage" = "a size such as `86 MiB`")
        )]
        String,
    ),
}

impl Size {
    /// The size in bytes.
    ///
    /// # Errors
    /// A sentence when the text says none.
    pub fn bytes(&self) -> Result<u64, String> {
        match self {
            Self::Bytes(bytes) => Ok(*bytes),
            Self::Text(text) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "sizes are not negative, and saturate"
                )]
                let bytes = parse_bytes(text)?.round() as u64;
                Ok(bytes)
            }
        }
    }
}

/// Bytes that `text` says: `512MiB`, `8 GB`, `1.5g`; units of 1000, those with `i` of 1024, and a
/// bare number is bytes.
///
/// # Errors
/// A sentence when it is no size.
pub fn parse_bytes(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim();
    let letters = unit.to_ascii_lowercase();
    let letters = letters.strip_suffix('b').unwrap_or(&letters);
    let (prefix, base) = match letters.strip_suffix('i') {
        Some(prefix) => (prefix, KIB),
        None => (letters, 1000.0),
    };
    let power = PREFIXES.iter().position(|known| *known == prefix);
    let Some(power) = power.and_then(|power| i32::try_from(power).ok()) else {
        return Err(format!("`{unit}` is no unit: write `GB`, `GiB`, `MB` or `MiB`"));
    };
    let number: f64 = number.parse().map_err(|_| "write a size such as `8GB`".to_owned())?;
    Ok(number * base.powi(power))
}

#[cfg(test)]
mod tests {
    use super::{Size, parse_bytes};

    #[test]
    fn sizes_are_read_in_every_spelling() {
        for (text, bytes) in [
            ("512", 512.0),
            ("512MiB", 536_870_912.0),
            ("8 GB", 8e9),
            ("1.5g", 1.5e9),
            ("1.5 KiB", 1536.0),
            ("2M", 2e6),
            (" 4 Ti ", 4_398_046_511_104.0),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "8 parsecs", "1.2.3", "-1GB", "i", "1e9"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_a_number_or_a_text() {
        let of = |json: &str| serde_json::from_str::<Size>(json).unwrap().bytes();
        assert_eq!(of("1000"), Ok(1000));
        assert_eq!(of("\"1.5 KiB\""), Ok(1536));
        assert!(of("\"much\"").is_err());
    }
}
