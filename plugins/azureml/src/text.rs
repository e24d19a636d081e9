//! Text in the forms that addresses and signatures have it.

use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::AzureError;

/// Percent-encoded as one part of a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into());
            }
            byte => {
                encoded.push('%');
                encoded.push_str(&hex(&[byte]).to_uppercase());
            }
        }
    }
    encoded
}

/// The same of each part of a path.
pub(crate) fn encoded_path(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// `NAME=VALUE&…`, as queries and forms have it.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{}={}", encoded(name), encoded(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Bytes in hexadecimal digits, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// SHA-256 of bytes, in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first 32 digits of a digest in the form of a GUID.
pub(crate) fn guid(digest: &str) -> String {
    let [a, b, c, d, e] =
        [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digest.get(part).unwrap_or_default());
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// Twenty hexadecimal digits that nobody can foresee.
///
/// # Errors
/// When the machine has no random numbers.
pub(crate) fn random() -> Result<String, AzureError> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes)
        .map_err(|error| AzureError::odd("this machine's random numbers", error.to_string()))?;
    Ok(hex(&bytes))
}

/// A point of time as `2026-01-31T23:59:59Z`.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years that begin in March.
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..=9 => (era * 400 + year, month + 3),
        _ => (era * 400 + year + 1, month - 9),
    };
    let [hour, minute, second] = [second / 3600, second / 60 % 60, second % 60];
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{encoded_path, form, guid, sha256, timestamp};

    #[test]
    fn points_of_time_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(timestamp(time), expected);
        }
    }

    #[test]
    fn what_has_a_meaning_in_an_address_is_encoded() {
        assert_eq!(encoded_path("a b/c+d?&#ü"), "a%20b/c%2Bd%3F%26%23%C3%BC");
        assert_eq!(form(&[("a", "b c"), ("d", "=")]), "a=b%20c&d=%3D");
    }

    #[test]
    fn a_digest_names_code() {
        assert_eq!(guid(&sha256(b"")), "e3b0c442-98fc-1c14-9afb-f4c8996fb924");
    }
}
